#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "experiment/record.hpp"
#include "experiment/trainer.hpp"
#include "spec/spec.hpp"

namespace runner::experiment {

// The outer loop (bilevel.hpp) as ask/tell over a cell's history.

// One cell of the experiment: what is run, all of it borrowed from the spec.
struct Cell {
  const spec::Spec* spec = nullptr;
  const spec::TaskEntry* task = nullptr;
  const spec::Method* method = nullptr;
  std::uint64_t seed = 0;
};

// What was spent of a unit. Of seconds all three.
double amount_of(const Budget& budget, spec::BudgetUnit unit);
double spent(std::span<const TrialRecord> trials, spec::BudgetUnit unit);

// Training runs that the cell makes in all; nothing where outer.budget decides.
std::optional<int> planned_trials(const Cell& cell);

// How many of some first trials the cell has made when it ends among them, else all of them. By
// outer.trials that many. By outer.budget a trial begins while those before it have spent less than
// the budget, shared runs included: the last one may go beyond it, and there is always a first. A
// refusion makes as many as its donor (donor_of), whose trials are `donated`.
std::size_t admitted_trials(const Cell& cell, std::span<const TrialRecord> history,
                            std::span<const TrialRecord> donated = {});

// Does the cell end with these trials?
bool has_ended(const Cell& cell, std::span<const TrialRecord> history,
               std::span<const TrialRecord> donated = {});

// Trials that the cell will have made in the end: as planned, or what the budget buys at the price
// of those that are there; where there are none, its start design.
int expected_trials(const Cell& cell, std::span<const TrialRecord> history);

// The outer loop's next trial: index, lambda, seed of the run and how they were chosen; the outcome
// is left to run_trial. Nothing when the cell has ended. Of the history it knows the outcomes of
// known_outcomes, of the others what they try.
//
// A search begins with the recipe, whose run is fine_tune's, and the spec's known good settings.
// The rest of the start design depends on (task, seed) alone and the run's seed on the cell's seed
// alone, so methods that search share runs: all of them their first start_trials, and
// random_search, which just goes on with the same scrambled Sobol sequence, as many as their
// searches agree on.
//
// A cell of Search::refuse takes the trials of its donor (donor_of) in turn, one of Search::confirm
// the best of them again and again, and one of Search::soup their fused models: `donated`, those
// that the donor has finished. Throws InputError when they are too few.
std::optional<TrialRecord> propose_trial(const Cell& cell, std::span<const TrialRecord> history,
                                         std::span<const TrialRecord> donated = {});

// How many of the outcomes of `trials` first trials the next proposal may know: the last
// outer.parallel - 1 are under way for it, whichever of them has ended.
std::size_t known_outcomes(const Cell& cell, std::size_t trials);

// The cell that a cell of Search::refuse, confirm or soup takes its trials from; nothing for any
// other.
std::optional<Cell> donor_of(const Cell& cell);

// Whether what the donor has finished says what such a cell's trial is: for a refusion the same
// trial, for a confirmation or a soup all, with a result among them.
bool can_take(const Cell& cell, std::size_t trial, std::span<const TrialRecord> donated);

// What a soup mixes, in the donor's order: the fused model of every trial with a result.
std::vector<Ingredient> ingredients_of(const Cell& cell, std::span<const TrialRecord> donated);

// What all trials together were charged.
Budget sum_of(std::span<const TrialRecord> trials);

// How many of such a cell's first trials are still what it would propose: a donor that was given
// more trials may have chosen another.
std::size_t agreeing_trials(const Cell& cell, std::span<const TrialRecord> history,
                            std::span<const TrialRecord> donated);

// Which of the searched variables exist in a trial (bo::Variable::when); none when it chose none.
std::vector<bool> existing(const Cell& cell, const TrialRecord& trial);

// The settings that a proposed trial stands for: the task's recipe with lambda and the method's
// rule, inner acquisition and objectives written into it. A variable that does not exist there
// keeps the recipe's value. The precision of its fusion is fp32 or bf16.
spec::Trial settings(const Cell& cell, const TrialRecord& proposed);

// The training run that a proposed trial asks for; of a soup's, how it is measured.
RunRequest request_of(const Cell& cell, const TrialRecord& proposed);

// A cell's trials as the model of the outer loop sees them.
std::vector<bo::Observation> observations_of(std::span<const TrialRecord> history);

// Points of a grid search beside the recipe: a full factorial grid of at most `points` points, as
// even as the variables allow: an axis with m levels has them in the middles of m equal parts of
// its (log) range or of its list of values.
std::vector<bo::Point> make_grid(const bo::Space& space, int points);

}  // namespace runner::experiment
