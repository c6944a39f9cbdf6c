#pragma once

#include <cstdint>
#include <vector>

namespace runner::kernels {

// This thread's scratch memory, at least `floats` long; it grows and is never given back. One
// kernel uses it at a time; the contents do not survive the kernel.
inline float* scratch(std::int64_t floats) {
  thread_local std::vector<float> memory;
  if (memory.size() < static_cast<std::size_t>(floats)) {
    memory.assign(static_cast<std::size_t>(floats), 0.0F);
  }
  return memory.data();
}

}  // namespace runner::kernels
