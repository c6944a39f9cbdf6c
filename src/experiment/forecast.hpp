#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "experiment/outer.hpp"
#include "experiment/trainer.hpp"
#include "spec/spec.hpp"

namespace runner::experiment {

// What an experiment will cost, told before it runs.
struct Cost {
  double examples = 0.0, flops = 0.0;
};

struct Forecast {
  int trials = 0;   // every method's own: what would be trained if nothing were shared
  int runs = 0;     // distinct training runs, as far as proposals are known before anything has run
  Cost charged;     // as the tables charge it: a shared run to each method
  Cost training;    // of the distinct runs
  Cost evaluation;  // selection, report and inner loops
  std::vector<std::int64_t> snapshots;  // that the distinct runs leave, by task; an average is one
  // Of a cell of each method, over the tasks: what outer.budget buys.
  struct Range {
    int fewest = 0, most = 0;
  };
  std::vector<Range> trials_of;

  Cost computed() const {
    return {training.examples + evaluation.examples, training.flops + evaluation.flops};
  }
};

// Goes through the first seed's cells with `pricing`, a trainer that computes nothing but counts
// what it would have, and takes the other seeds to cost the same: both loops are the experiment's
// own, so whatever they ask of a run is counted. What a model will propose is not known, so such
// trials count as runs of their own; an inner loop that may stop early is taken not to.
// An outer.budget in seconds is reckoned by `rate`, the FLOPs per second of a cell, which must then
// be above 0. Throws InputError when a budget buys more trials than can be foreseen.
Forecast forecast(const spec::Spec& spec, Trainer& pricing, double rate = 0.0);

// What single trials cost, in FLOPs, by such a trainer.
class TrialCosts {
 public:
  explicit TrialCosts(Trainer& pricing) : pricing_(pricing) {}

  double of_training(const RunRequest& request);
  // Fusion and evaluation: the same for every run of a task, whatever its hyperparameters.
  double of_fusion(const Cell& cell, const TrialRecord& proposed);
  // A trial of the cell that is not known yet, taken to be the recipe's: all but what its donor has
  // trained; of a soup nothing.
  double of_unknown(const Cell& cell);

 private:
  Trainer& pricing_;
  std::map<std::pair<const spec::TaskEntry*, const spec::Method*>, double> fusion_;
};

}  // namespace runner::experiment
