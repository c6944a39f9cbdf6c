#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace runner::model {

// body(begin, end) over [0, items) in pieces of `grain` items, which the threads that
// at::set_num_threads allows take as they become free: on a shared machine no two of them run
// equally fast. Which thread takes which piece must not matter to the result.
template <typename Body>
void share(std::int64_t items, std::int64_t grain, const Body& body) {
  const std::int64_t pieces = (items + grain - 1) / grain;
  const std::int64_t threads = std::min<std::int64_t>(pieces, at::get_num_threads());
  std::atomic<std::int64_t> next{0};
  at::parallel_for(0, threads, 1, [&](std::int64_t, std::int64_t) {
    for (std::int64_t piece; (piece = next.fetch_add(1, std::memory_order_relaxed)) < pieces;)
      body(piece * grain, std::min(items, (piece + 1) * grain));
  });
}

}  // namespace runner::model
