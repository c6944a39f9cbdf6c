#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "experiment/bilevel.hpp"
#include "experiment/journal.hpp"
#include "experiment/trainer.hpp"
#include "spec/spec.hpp"

namespace runner::experiment {

// A cell is task x method x seed: the unit of work, of sharding and of resuming. It lives in
//   RUN/cells/TASK/METHOD/seedS/   journal.jsonl, result.json, and owner.json while it is worked on

std::filesystem::path run_folder(const spec::Spec& spec);  // runs_root / name
std::vector<Cell> list_cells(const spec::Spec& spec);  // task by task, method by method, by seed
std::string cell_name(const Cell& cell);               // "RTE/bilevel(ei,ucb)/seed0"
std::filesystem::path cell_folder(const Cell& cell);
History read_history(const Cell& cell);  // its journal; throws as read_journal

// The cells of share `shard` of `shards` (0-based). Cells that may share training runs, those of
// one task and seed, stay together unless there are more shards than such groups.
std::vector<Cell> cells_of_shard(const spec::Spec& spec, int shard, int shards);

struct RunOptions {
  int shard = 0, shards = 1;
  std::string only;  // a glob on the cell's name; without *, ? and [ it may stand anywhere in it
  bool rerun_failed = false;  // repeat from the first trial that failed or ran out of memory
  bool fail_fast = false;     // stop all when a trial ends without a result
  int workers = 1;            // cells at once
};

struct Event {
  enum class Kind { begin, inner, trial, cell, error } kind = Kind::begin;
  std::string cell{};                  // its name
  const InnerRecord* inner = nullptr;  // kind inner
  const TrialRecord* trial = nullptr;  // kind trial
  std::string message{};               // kind error, complete
  // Of this call's cells, what an earlier call did included.
  int trials_done = 0, trials = 0;
  int cells_done = 0, cells = 0;
};

struct RunSinks {
  std::function<void(const Event&)> on_progress;  // never from two threads at once
  std::function<bool()> should_stop;              // from any thread
};

struct Summary {
  int cells = 0, cells_done = 0;
  int trials = 0, trials_done = 0;
  int trials_before = 0;            // of trials_done, by earlier calls
  int failed = 0;                   // of trials_done: status failed or out_of_memory
  std::vector<std::string> errors;  // "CELL: message", in the order of cells
  std::vector<std::string> busy;    // cells that another process works on: "CELL: process ..."
  bool interrupted = false;         // should_stop became true
};

// Runs the chosen cells, or goes on with them. What a journal holds is not done again. The failure
// of one cell does not stop the others.
Summary run(const spec::Spec& spec, Trainer& trainer, const RunOptions& options,
            const RunSinks& sinks);

}  // namespace runner::experiment
