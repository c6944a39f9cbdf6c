#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "experiment/bilevel.hpp"
#include "experiment/cells.hpp"
#include "experiment/run.hpp"

namespace runner::experiment {

// Some trials are known before any outcome is: the recipe's, restarts, grids, random searches,
// start designs, and what fuses their runs again. They can be made ahead of their turn, each
// training run once and anywhere, with every trial that is known to be made of it; and under
// outer.parallel the next few of a search, side by side. A cell takes them in when their turn
// comes:
//
//   CELL/ahead/trialI-HASH/   journal.jsonl, of that trial alone, which is its number 0; owner.json
//                             while it is made
//
// HASH is of what is tried, so that a trial that the spec no longer proposes is not mistaken for
// another.

// The trials that come after those of `history`, the next first and without their outcomes, as far
// as they do not depend on outcomes that nobody knows yet. `begin`: the first of them, as an
// earlier call has given them, which are not proposed again.
std::vector<TrialRecord> foreseen_trials(const Cell& cell, std::vector<TrialRecord> history,
                                         std::span<const TrialRecord> donated = {},
                                         std::span<const TrialRecord> begin = {});

// Whether several trials of the cell may be under way at once.
bool goes_side_by_side(const Cell& cell);

// Equal for requests of one training run.
using RunIdentity = std::tuple<std::string, std::uint64_t, std::uint64_t, std::vector<double>>;
RunIdentity identity_of(const RunRequest& request);

struct KnownTrial {
  Cell cell;
  TrialRecord proposed;
};

struct KnownRun {
  std::string name;  // of its first trial: "RTE/random_search/seed0/trial3"
  RunRequest request;
  std::vector<KnownTrial> trials;
};

// All of them, made or not, in the order of work: a function of the spec alone.
std::vector<KnownRun> known_runs(const spec::Spec& spec);

// The runs with those of their trials that are neither in their cell's journal nor made ahead;
// without the runs that have none. Reads journals; one that cannot be read counts as empty.
std::vector<KnownRun> unmade(std::vector<KnownRun> runs);

// Those with these names. Throws InputError naming one that is not among them.
std::vector<KnownRun> named_runs(const std::vector<KnownRun>& runs,
                                 std::span<const std::string> names);

std::filesystem::path ahead_folder(const Cell& cell, const TrialRecord& proposed);
// What is made of a proposed trial so far: its inner loop, and the trial once it is finished.
History read_ahead(const Cell& cell, const TrialRecord& proposed);
bool is_made_ahead(const KnownTrial& known);

// Makes a trial in its folder, or goes on with it. Gives back what was made of it before, there or,
// meanwhile, in its cell's turn. Nothing when should_stop became true. Throws Busy while another
// process or thread is at it, and as run_trial does.
std::optional<TrialRecord> make_ahead(const KnownTrial& known, Trainer& trainer,
                                      const TrialSinks& sinks);

// What comes after a cell's history, for those who make its trials side by side; for several
// threads.
struct Foreseen {
  std::mutex mutex{};
  std::vector<TrialRecord> trials{};
};
// Makes one of the next outer.parallel trials of a cell that goes side by side, the first that
// nobody has made or is at; `sinks` gives those of a trial. False when there is none, or it was
// stopped. Throws as make_ahead does, but not Busy.
bool make_one_ahead(const Cell& cell, Foreseen& foreseen, Trainer& trainer,
                    const std::function<TrialSinks(int trial)>& sinks);

// Appends the proposed trial, if it was made ahead, to its cell's journal, where it is next.
std::optional<TrialRecord> take_in(const Cell& cell, const TrialRecord& proposed, Journal& journal);

// Writes result.json of a cell that is complete, and removes what was made ahead of it.
void complete(const Cell& cell, const History& history);

// Takes in what lies ahead of the cell from where its journal stands, and completes it when that is
// all. Leaves a cell alone that a process is at, or whose donor is not complete.
void settle(const Cell& cell);
void settle(const spec::Spec& spec);  // every cell

// What is made of some known runs. In a summary and in events each run counts as a cell. Touches
// nothing.
Summary survey_ahead(const std::vector<KnownRun>& runs);

// Makes what is missing of them, and settles their cells. A run or trial that another process is at
// is waited for, while others are made; the failure of one does not stop the others. Of the
// options, those that choose cells mean nothing here.
Summary run_ahead(const std::vector<KnownRun>& runs, Trainer& trainer, const RunOptions& options,
                  const RunSinks& sinks);

}  // namespace runner::experiment
