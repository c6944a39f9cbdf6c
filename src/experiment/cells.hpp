#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "experiment/journal.hpp"
#include "experiment/outer.hpp"
#include "spec/spec.hpp"

namespace runner::experiment {

// A cell is task x method x seed: the unit of work, of sharding and of resuming. It lives in
//   RUN/cells/TASK/METHOD/seedS/   journal.jsonl, result.json, and owner.json while it is worked on

std::filesystem::path run_folder(const spec::Spec& spec);  // runs_root / name
std::vector<Cell> list_cells(const spec::Spec& spec);  // task by task, method by method, by seed
std::string cell_name(const Cell& cell);               // "RTE/bilevel(ei,ucb)/seed0"
std::filesystem::path cell_folder(const Cell& cell);
std::filesystem::path journal_path(const Cell& cell);
JournalOwner owner_of(const Cell& cell);

// Of its journal what the spec asks for: a budget that was larger once has left more. Throws as
// read_journal.
History read_history(const Cell& cell);

// The same; empty where it cannot be read, which whoever works on the cell is told.
History readable_history(const Cell& cell);

// Are all trials that the spec asks for in `history`, as read_history gives it? Throws as that.
bool is_complete(const Cell& cell, const History& history);

// And does result.json, which comes last, say so?
bool is_done(const Cell& cell, const History& history);

// "3 of 5 trials"; under outer.budget "3 trials, 31200 of 50000 examples".
std::string stand_of(const Cell& cell, const History& history);

// The bytes of a complete cell's result.json: what a person or a script wants of it without reading
// its journal.
std::string result_of(const Cell& cell, const History& history);

// The order in which cells are worked on: seed by seed, in each task by task. Cells of one task and
// seed share training runs, which are then asked for while the store has them, and the tables of
// the first seeds are whole before the last begin.
void sort_for_work(std::vector<Cell>& cells);

// The cells of share `shard` of `shards` (0-based). Cells that may share training runs, those of
// one task and seed, stay together unless there are more shards than such groups.
std::vector<Cell> cells_of_shard(const spec::Spec& spec, int shard, int shards);

// The training runs that the cell will still ask for, the next first, as far as they do not depend
// on outcomes that nobody knows yet.
std::vector<RunRequest> foreseen_requests(const Cell& cell, History history);
// The same of all cells that are not complete, those of every share, in the order of work.
std::vector<RunRequest> foreseen_requests(const spec::Spec& spec);

}  // namespace runner::experiment
