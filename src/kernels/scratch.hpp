#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace runner::kernels {

// This thread's scratch memory, at least `floats` long, from a whole cache line on; it grows and is
// never given back. One kernel uses it at a time; the contents do not survive the kernel.
inline float* scratch(std::int64_t floats) {
  constexpr std::size_t kLine = 64;
  thread_local std::vector<float> memory;
  const std::size_t needed = static_cast<std::size_t>(floats) + kLine / sizeof(float);
  if (memory.size() < needed) memory.assign(needed, 0.0F);
  void* begin = memory.data();
  std::size_t room = memory.size() * sizeof(float);
  return static_cast<float*>(std::align(kLine, 1, begin, room));
}

}  // namespace runner::kernels
