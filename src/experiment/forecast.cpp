#include "experiment/forecast.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include "experiment/ahead.hpp"
#include "experiment/bilevel.hpp"
#include "experiment/run.hpp"
#include "io/error.hpp"
#include "spec/budget.hpp"

namespace runner::experiment {
namespace {

// Passes requests on and remembers which runs there were.
class Counting : public Trainer {
 public:
  Counting(Trainer& pricing, Forecast& forecast) : pricing_(pricing), forecast_(forecast) {}

  std::unique_ptr<TrainedRun> train(const RunRequest& request, const Watch& watch) override {
    auto run = pricing_.train(request, watch);
    trained_ = run->record();
    if (seen_.insert(identity_of(request)).second) {
      ++forecast_.runs;
      forecast_.training.examples += static_cast<double>(trained_.examples);
      forecast_.training.flops += trained_.flops;
      snapshots_ += trained_.snapshots + (request.options.ema_decay > 0.0 ? 1 : 0);
    }
    return run;
  }

  std::unique_ptr<TrainedRun> gather(const RunRequest& as, std::span<const Ingredient> ingredients,
                                     const Watch& watch) override {
    auto run = pricing_.gather(as, ingredients, watch);
    trained_ = run->record();
    snapshots_ += trained_.snapshots;
    return run;
  }

  const RunRecord& trained() const { return trained_; }  // the last one
  // Snapshots of new runs since the last call.
  std::int64_t take_snapshots() { return std::exchange(snapshots_, 0); }

 private:
  Trainer& pricing_;
  Forecast& forecast_;
  std::set<RunIdentity> seen_;
  RunRecord trained_;
  std::int64_t snapshots_ = 0;
};

// Under a budget a plan ends here.
constexpr std::size_t kMostTrials = 500;

void multiply(Cost& cost, double factor) {
  cost.examples *= factor;
  cost.flops *= factor;
}

}  // namespace

Forecast forecast(const spec::Spec& spec, Trainer& pricing, double rate) {
  const auto& budget = spec.outer.budget;
  const bool by_seconds = budget && budget->unit == spec::BudgetUnit::seconds;
  if (by_seconds && !(rate > 0.0)) throw std::invalid_argument("a budget in seconds needs a rate");
  spec::Spec one = spec;
  one.seeds.resize(1);
  for (spec::TaskEntry& task : one.tasks) task.recipe.fusion.stop_expected_improvement = 0.0;
  Forecast sum;
  sum.snapshots.resize(one.tasks.size());
  sum.trials_of.resize(one.methods.size());
  Counting counting(pricing, sum);
  std::map<std::pair<const spec::TaskEntry*, std::string>, std::vector<TrialRecord>> histories;
  for (const Cell& cell : list_cells(one)) {  // a cell's donor comes before it
    std::vector<TrialRecord>& history = histories[{cell.task, cell.method->name}];
    const std::vector<TrialRecord>& donated = histories[{cell.task, cell.method->of}];
    const auto task = static_cast<std::size_t>(cell.task - one.tasks.data());
    const auto method = static_cast<std::size_t>(cell.method - one.methods.data());
    while (auto proposed = propose_trial(cell, history, donated)) {
      if (budget && history.size() == kMostTrials) {
        throw InputError(fmt::format(
            "outer.budget buys {} more than {} trials of {}, too many to "
            "foresee; is {} meant?",
            cell.method->name, kMostTrials, cell.task->task.name, spec::written(*budget)));
      }
      auto record = run_trial(cell, *std::move(proposed), {}, counting, {}, donated);
      // What is charged to a soup has been computed for its donor.
      const bool is_soup = cell.method->search == spec::Search::soup;
      const Budget before = is_soup ? sum_of(donated) : Budget();
      sum.charged.examples += static_cast<double>(record->budget.examples);
      sum.charged.flops += record->budget.flops;
      sum.evaluation.examples += static_cast<double>(record->budget.examples - before.examples -
                                                     counting.trained().examples);
      sum.evaluation.flops += record->budget.flops - before.flops - counting.trained().flops;
      ++sum.trials;
      record->budget.train_seconds = by_seconds ? record->budget.flops / rate : 0.0;
      record->budget.fusion_seconds = record->budget.evaluate_seconds = 0.0;
      history.push_back(*std::move(record));
    }
    const auto trials = static_cast<int>(history.size());
    Forecast::Range& range = sum.trials_of[method];
    range = range.most == 0
                ? Forecast::Range{trials, trials}
                : Forecast::Range{std::min(range.fewest, trials), std::max(range.most, trials)};
    sum.snapshots[task] += counting.take_snapshots();
  }
  const auto seeds = static_cast<int>(spec.seeds.size());
  sum.trials *= seeds;
  sum.runs *= seeds;
  for (Cost* cost : {&sum.charged, &sum.training, &sum.evaluation}) multiply(*cost, seeds);
  for (std::int64_t& count : sum.snapshots) count *= seeds;
  return sum;
}

double TrialCosts::of_training(const RunRequest& request) {
  return pricing_.train(request, {})->record().flops;
}

double TrialCosts::of_fusion(const Cell& cell, const TrialRecord& proposed) {
  const auto [cost, is_new] = fusion_.try_emplace({cell.task, cell.method}, 0.0);
  if (is_new) {
    const auto record = run_trial(cell, proposed, {}, pricing_, {});
    cost->second = record->budget.flops - of_training(request_of(cell, proposed));
  }
  return cost->second;
}

double TrialCosts::of_unknown(const Cell& cell) {
  if (cell.method->search == spec::Search::soup) return 0.0;
  TrialRecord recipe;
  recipe.task = cell.task->task.name;
  recipe.seed = recipe.run_seed = cell.seed;
  const double fusion = of_fusion(cell, recipe);
  if (cell.method->search == spec::Search::refuse) return fusion;
  return fusion + of_training(request_of(cell, recipe));
}

}  // namespace runner::experiment
