#pragma once

#include <cstdint>

#include "train/options.hpp"

namespace runner::train {

// ceil(options.warmup * steps), as Hugging Face's Trainer counts a ratio.
std::int64_t warmup_steps(const Options& options, std::int64_t steps);

// Learning rate of the 1-based `step` of `steps`. With i = step - 1, w = warm-up steps, n = steps:
//   warm-up (i < w)   lr * i / w (first_step zero) or lr * step / w (first_step one)
//   linear            lr * (n - i) / (n - w)
//   cosine            lr * (1 + cos(pi (i - w) / (n - w))) / 2
//   constant          lr
// The same doubles as transformers' get_linear_schedule_with_warmup and its siblings.
double learning_rate(const Options& options, std::int64_t step, std::int64_t steps);

}  // namespace runner::train
