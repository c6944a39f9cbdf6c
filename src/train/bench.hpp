#pragma once

#include <cstdint>
#include <string>

#include "train/finetune.hpp"

namespace runner::train {

// What a training step costs on this machine.
struct TrainingSpeed {
  std::int64_t steps = 0;     // measured, the first few left out
  double step_seconds = 0.0;  // mean
  double tokens_per_second = 0.0;
  double examples_per_second = 0.0;
  double gflop_per_second = 0.0;  // matrix products and attention, as executed
  // A step's matrix products alone, on the mean number of tokens and on as many matrices: median.
  double product_seconds = 0.0;
  double product_gflop_per_second = 0.0;
  std::int64_t peak_bytes = 0;      // resident, of the whole process so far
  double first_step_seconds = 0.0;  // from the start of the process to the end of step 1
  int graphs = 0;                   // that a GPU's steps were launched by
  std::string no_graphs;            // why it could record none
};

// Trains `job` for `steps` >= 1 steps after two for warming up and measures them, then runs the
// matrix products of a step alone.
TrainingSpeed measure_training(Job job, int steps);

// Seconds to score a whole split with job.weights at the job's precision, from nothing: the network
// is made and the weights are taken up inside.
double measure_evaluation(const Job& job, const data::EncodedSplit& split);

}  // namespace runner::train
