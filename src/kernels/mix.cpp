#include "kernels/mix.hpp"

#include <algorithm>

#include "kernels/targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/mix.cpp"
#include <hwy/foreach_target.h>

#include "kernels/reduce-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {
namespace {

template <typename T>
HWY_INLINE void subtract(const float* theta, const float* mean, T* delta, std::int64_t begin,
                         std::int64_t end) {
  for_columns(begin, end, [=](std::int64_t i, auto count) HWY_ATTR {
    store(load(theta + i, count) - load(mean + i, count), delta + i, count);
  });
}

void subtract_f32(const float* theta, const float* mean, float* delta, std::int64_t begin,
                  std::int64_t end) {
  subtract(theta, mean, delta, begin, end);
}

void subtract_bf16(const float* theta, const float* mean, Bf16* delta, std::int64_t begin,
                   std::int64_t end) {
  subtract(theta, mean, delta, begin, end);
}

// Elements of a stream read at a time: the chunks of all streams and one output stay in the
// second-level cache, so several outputs read the streams from memory once. Changing the stream
// every few KiB defeats the hardware's prefetching (13 instead of 25 GB/s with ten streams on a
// Zen 5 core), so each stream's next chunk is asked for while this one is read.
inline constexpr std::int64_t kChunk = 2048;

template <typename T>
HWY_INLINE void combine(const float* mean, std::span<const T* const> deltas,
                        std::span<const float> coefficients, std::span<float* const> outputs,
                        std::int64_t begin, std::int64_t end) {
  const std::size_t streams = deltas.size();
  float sums[kChunk];
  for (std::int64_t at = begin; at < end; at += kChunk) {
    const std::int64_t length = std::min(kChunk, end - at);
    for (std::size_t q = 0; q < outputs.size(); ++q) {
      // The mean is read last: it may be an output.
      std::fill_n(sums, length, 0.0F);
      for (std::size_t k = 0; k < streams; ++k) {
        const Lanes coefficient = set(coefficients[q * streams + k]);
        const T* delta = deltas[k] + at;
        for_columns(0, length, [&sums, delta, coefficient](std::int64_t i, auto count) HWY_ATTR {
          hwy::Prefetch(delta + i + kChunk);
          store(mul_add(coefficient, load(delta + i, count), load(sums + i, count)), sums + i,
                count);
        });
      }
      float* output = outputs[q] + at;
      for_columns(0, length, [&sums, mean, at, output](std::int64_t i, auto count) HWY_ATTR {
        if (mean != nullptr) hwy::Prefetch(mean + at + i + kChunk);
        const Lanes base = mean == nullptr ? zero() : load(mean + at + i, count);
        store(base + load(sums + i, count), output + i, count);
      });
    }
  }
}

void combine_f32(const float* mean, std::span<const float* const> deltas,
                 std::span<const float> coefficients, std::span<float* const> outputs,
                 std::int64_t begin, std::int64_t end) {
  combine(mean, deltas, coefficients, outputs, begin, end);
}

void combine_bf16(const float* mean, std::span<const Bf16* const> deltas,
                  std::span<const float> coefficients, std::span<float* const> outputs,
                  std::int64_t begin, std::int64_t end) {
  combine(mean, deltas, coefficients, outputs, begin, end);
}

template <typename T>
HWY_INLINE void dot_blocks_of(const float* gradient, std::span<const T* const> deltas,
                              std::int64_t count, double* sums, std::int64_t begin,
                              std::int64_t end) {
  for (std::int64_t block = begin; block < end; ++block) {
    const std::int64_t last = std::min(count, (block + 1) * kDotBlock);
    double* row = sums + block * static_cast<std::int64_t>(deltas.size());
    for (const T* delta : deltas) *row++ = dot(gradient, delta, block * kDotBlock, last);
  }
}

void dots_f32(const float* gradient, std::span<const float* const> deltas, std::int64_t count,
              double* sums, std::int64_t begin, std::int64_t end) {
  dot_blocks_of(gradient, deltas, count, sums, begin, end);
}

void dots_bf16(const float* gradient, std::span<const Bf16* const> deltas, std::int64_t count,
               double* sums, std::int64_t begin, std::int64_t end) {
  dot_blocks_of(gradient, deltas, count, sums, begin, end);
}

}  // namespace
}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace runner::kernels {

HWY_EXPORT(subtract_f32);
HWY_EXPORT(subtract_bf16);
HWY_EXPORT(combine_f32);
HWY_EXPORT(combine_bf16);
HWY_EXPORT(dots_f32);
HWY_EXPORT(dots_bf16);

void difference(const float* theta, const float* mean, float* delta, std::int64_t begin,
                std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(subtract_f32)(theta, mean, delta, begin, end);
}

void difference(const float* theta, const float* mean, Bf16* delta, std::int64_t begin,
                std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(subtract_bf16)(theta, mean, delta, begin, end);
}

void mix(const float* mean, std::span<const float* const> deltas,
         std::span<const float> coefficients, std::span<float* const> outputs, std::int64_t begin,
         std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(combine_f32)(mean, deltas, coefficients, outputs, begin, end);
}

void mix(const float* mean, std::span<const Bf16* const> deltas,
         std::span<const float> coefficients, std::span<float* const> outputs, std::int64_t begin,
         std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(combine_bf16)(mean, deltas, coefficients, outputs, begin, end);
}

void dots(const float* gradient, std::span<const float* const> deltas, std::int64_t count,
          double* sums, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(dots_f32)(gradient, deltas, count, sums, begin, end);
}

void dots(const float* gradient, std::span<const Bf16* const> deltas, std::int64_t count,
          double* sums, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(dots_bf16)(gradient, deltas, count, sums, begin, end);
}

}  // namespace runner::kernels
#endif
