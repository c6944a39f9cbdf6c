#include "train/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace runner::train {

std::int64_t warmup_steps(const Options& options, std::int64_t steps) {
  return static_cast<std::int64_t>(std::ceil(options.warmup * static_cast<double>(steps)));
}

double learning_rate(const Options& options, std::int64_t step, std::int64_t steps) {
  const std::int64_t warmup = warmup_steps(options, steps), done = step - 1;
  if (done < warmup) {
    const std::int64_t reached = options.first_step == FirstStep::zero ? done : step;
    return options.lr * (static_cast<double>(reached) / static_cast<double>(warmup));
  }
  const auto rest = static_cast<double>(std::max<std::int64_t>(1, steps - warmup));
  switch (options.schedule) {
    case Schedule::constant:
      return options.lr;
    case Schedule::cosine: {
      const double progress = static_cast<double>(done - warmup) / rest;
      return options.lr * std::max(0.0, 0.5 * (1.0 + std::cos(std::numbers::pi * progress)));
    }
    case Schedule::linear:
      break;
  }
  return options.lr * std::max(0.0, static_cast<double>(steps - done) / rest);
}

}  // namespace runner::train
