#pragma once

#include <cstdint>

#include "train/finetune.hpp"

namespace runner::train {

// What a training step costs on this machine.
struct TrainingSpeed {
  std::int64_t steps = 0;     // measured, the first few left out
  double step_seconds = 0.0;  // median
  double tokens_per_second = 0.0;
  double examples_per_second = 0.0;
  double gflop_per_second = 0.0;  // matrix products and attention, as executed
  double product_seconds = 0.0;   // median step's matrix products alone, on the same shapes
  double product_gflop_per_second = 0.0;
  std::int64_t peak_bytes = 0;  // resident, of the whole process so far
};

// Trains `job` for `steps` steps after two for warming up and measures them, then runs the matrix
// products of a step of the mean number of tokens alone.
TrainingSpeed measure_training(Job job, int steps);

}  // namespace runner::train
