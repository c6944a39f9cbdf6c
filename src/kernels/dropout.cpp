#include "kernels/dropout.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/scratch.hpp"
#include "kernels/targets.hpp"
#include "random/philox.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/dropout.cpp"
#include <hwy/foreach_target.h>

#include "kernels/dropout-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {
namespace {

void factors_of_rows(const Dropout& dropout, std::int64_t width, float* factors, std::int64_t begin,
                     std::int64_t end) {
  float* padded = scratch(units(width) * 16);
  for (std::int64_t row = begin; row < end; ++row) {
    row_factors(dropout, row, width, padded);
    std::copy_n(padded, width, factors + (row - begin) * width);
  }
}

template <typename T>
HWY_INLINE void apply(const Dropout& dropout, const T* x, T* y, std::int64_t width,
                      std::int64_t begin, std::int64_t end) {
  float* factors = scratch(units(width) * 16);
  for (std::int64_t row = begin; row < end; ++row) {
    row_factors(dropout, row, width, factors);
    for_columns(0, width, [=](std::int64_t c, auto count) HWY_ATTR {
      store(load(x + row * width + c, count) * load(factors + c), y + row * width + c, count);
    });
  }
}

void apply_f32(const Dropout& dropout, const float* x, float* y, std::int64_t width,
               std::int64_t begin, std::int64_t end) {
  apply(dropout, x, y, width, begin, end);
}

void apply_bf16(const Dropout& dropout, const Bf16* x, Bf16* y, std::int64_t width,
                std::int64_t begin, std::int64_t end) {
  apply(dropout, x, y, width, begin, end);
}

}  // namespace
}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace runner::kernels {

HWY_EXPORT(factors_of_rows);
HWY_EXPORT(apply_f32);
HWY_EXPORT(apply_bf16);

Dropout dropout(double p, std::uint64_t key, std::uint32_t site) {
  const auto threshold =
      static_cast<std::uint32_t>(std::lround(std::clamp(p * 65536.0, 0.0, 65535.0)));
  const auto kept = 1.0 - static_cast<double>(threshold) / 65536.0;
  return {
      .key = key, .site = site, .threshold = threshold, .scale = static_cast<float>(1.0 / kept)};
}

bool keeps(const Dropout& dropout, std::uint32_t plane, std::int64_t row, std::int64_t column,
           std::int64_t width) {
  const auto unit = static_cast<std::uint64_t>(row * ((width + 15) / 16) + column / 16);
  const auto lane = static_cast<std::uint64_t>(column % 16);
  const auto block = random::philox(dropout.key, (std::uint64_t{dropout.site} << 32) | plane,
                                    unit / 8 * 16 + lane);
  const std::uint32_t word = block[unit % 8 / 2];
  const std::uint32_t bits = unit % 2 == 0 ? word & 0xffffU : word >> 16;
  return bits >= dropout.threshold;
}

void dropout_factors(const Dropout& dropout, std::int64_t width, float* factors, std::int64_t begin,
                     std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(factors_of_rows)(dropout, width, factors, begin, end);
}

void apply_dropout(const Dropout& dropout, const float* x, float* y, std::int64_t width,
                   std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(apply_f32)(dropout, x, y, width, begin, end);
}

void apply_dropout(const Dropout& dropout, const Bf16* x, Bf16* y, std::int64_t width,
                   std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(apply_bf16)(dropout, x, y, width, begin, end);
}

}  // namespace runner::kernels
#endif
