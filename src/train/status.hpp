#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace runner::train {

// How a training run ended. diverged: a loss or gradient that is not finite. collapsed: finished,
// but the loss over the last quarter of the steps is no better than that of the labels' own
// frequencies (or variance). pruned: ended on a rung. The last two say nothing about the run, so
// that no record has them: interrupted by should_stop (with a checkpoint folder the run can be
// resumed), or out of memory.
enum class Status { ok, collapsed, diverged, pruned, interrupted, out_of_memory };

// As journals and tables write them.
inline constexpr std::array<std::string_view, 6> kStatusNames = {
    "ok", "collapsed", "diverged", "pruned", "interrupted", "out_of_memory"};
constexpr std::string_view status_name(Status status) {
  return kStatusNames[static_cast<std::size_t>(status)];
}

}  // namespace runner::train
