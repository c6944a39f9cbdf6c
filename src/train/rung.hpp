#pragma once

#include <cstdint>

namespace runner::train {

// A look at a run under way: after which step, what was seen, and what there had been spent.
struct RungRecord {
  std::int64_t step = 0;
  double score = 0.0;  // GLUE's on the selection split
  std::int64_t examples = 0, tokens = 0;
  double flops = 0.0, seconds = 0.0;  // of the training so far, without looking
  std::int64_t look_examples = 0;
  double look_flops = 0.0, look_seconds = 0.0;  // of this look alone
};

}  // namespace runner::train
