#pragma once

#include <cstdint>
#include <vector>

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
  // FLOPs to compute for a trial of a cell, by task and method: what earlier cells have trained
  // costs it nothing.
  std::vector<std::vector<double>> flops_of_trial;
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

}  // namespace runner::experiment
