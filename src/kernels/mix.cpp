#include "kernels/mix.hpp"

#include <algorithm>
#include <cstdint>

#include "kernels/targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/mix.cpp"
#include <hwy/cache_control.h>
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

// Results of more floats than this leave the caches before they are read: they are written past
// them, which saves reading the lines that they replace.
inline constexpr std::int64_t kMostCached = std::int64_t{1} << 20;

// `p` is a whole cache line.
template <std::size_t... I>
HWY_INLINE void stream_each(Lanes a, float* p, std::index_sequence<I...>) {
  (hn::Stream(a.v[I], FloatTag(), p + I * kVectorLanes), ...);
}
HWY_INLINE void stream(Lanes a, float* p, All) { stream_each(a, p, Each()); }
HWY_INLINE void stream(Lanes a, float* p, std::size_t count) { store(a, p, count); }

// Element by element, so that sums stay in registers; the processor itself fetches ahead in every
// one of the streams.
template <typename T, class Write>
HWY_INLINE void combine_range(const float* mean, std::span<const T* const> deltas,
                              std::span<const float> coefficients, std::span<float* const> outputs,
                              std::int64_t begin, std::int64_t end, Write write) {
  for_columns(begin, end, [=](std::int64_t i, auto count) HWY_ATTR {
    const Lanes base = mean == nullptr ? zero() : load(mean + i, count);
    const float* coefficient = coefficients.data();
    for (float* output : outputs) {
      Lanes sum = zero();
      for (const T* delta : deltas) sum = mul_add(set(*coefficient++), load(delta + i, count), sum);
      write(base + sum, output + i, count);
    }
  });
}

template <typename T>
HWY_INLINE void combine(const float* mean, std::span<const T* const> deltas,
                        std::span<const float> coefficients, std::span<float* const> outputs,
                        std::int64_t begin, std::int64_t end) {
  const auto keep = [](Lanes a, float* p, auto count) HWY_ATTR { store(a, p, count); };
  if (outputs.size() != 1 || end - begin < kMostCached)
    return combine_range(mean, deltas, coefficients, outputs, begin, end, keep);
  constexpr std::uintptr_t kLine = 64;
  const auto address = reinterpret_cast<std::uintptr_t>(outputs[0] + begin);
  const auto first =
      begin + static_cast<std::int64_t>((kLine - address % kLine) % kLine / sizeof(float));
  combine_range(mean, deltas, coefficients, outputs, begin, first, keep);
  combine_range(mean, deltas, coefficients, outputs, first, end,
                [](Lanes a, float* p, auto count) HWY_ATTR { stream(a, p, count); });
  hwy::FlushStream();
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
