#pragma once

#include <cstdint>

namespace runner::train {

// An optimiser step of a run; thinned, the steps since the record before it.
struct StepRecord {
  std::int64_t step = 0;  // 1-based
  double loss = 0.0;      // mean over the step's rows
  double learning_rate = 0.0;
  double grad_norm = 0.0;  // before clipping
};

}  // namespace runner::train
