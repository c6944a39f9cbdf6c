#include "kernels/layer_norm.hpp"

#include <algorithm>

#include "kernels/scratch.hpp"
#include "kernels/targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/layer_norm.cpp"
#include <hwy/foreach_target.h>

#include "kernels/dropout-inl.hpp"
#include "kernels/norm-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {
namespace {

// s = residual + factor * (x + bias) at one place.
template <typename T>
HWY_INLINE Lanes sum_at(const ResidualNorm<T>& step, std::int64_t row, std::int64_t column,
                        const float* factors, auto count) {
  const std::int64_t at = row * step.width + column;
  Lanes value = load(step.x + at, count);
  if (step.bias != nullptr) value = value + load(step.bias + column, count);
  value = value * load(factors + column, count);
  return step.residual == nullptr ? value : value + load(step.residual + at, count);
}

template <typename T>
HWY_INLINE void forward(const ResidualNorm<T>& step, std::int64_t begin, std::int64_t end) {
  const LayerNorm& norm = step.norm;
  const std::int64_t padded = units(step.width) * 16;
  float* factors = scratch(2 * padded);
  float* s = factors + padded;
  for (std::int64_t row = begin; row < end; ++row) {
    row_factors(step.dropout, row, step.width, factors);
    Lanes total = zero();
    for_columns(0, step.width, [&, row](std::int64_t c, auto count) HWY_ATTR {
      const Lanes value = sum_at(step, row, c, factors, count);
      store(value, s + c, count);
      total = total + value;
    });
    const RowStatistics statistics = row_statistics(norm, row, s, sum(total), step.width);
    const Lanes mean = set(statistics.mean);
    const Lanes rstd = set(statistics.rstd);
    const std::int64_t offset = row * step.width;
    for_columns(0, step.width, [&, offset](std::int64_t c, auto count) HWY_ATTR {
      const Lanes h = (load(s + c, count) - mean) * rstd;
      const Lanes y = mul_add(h, load(norm.gamma + c, count), load(norm.beta + c, count));
      if (norm.y != nullptr) store(y, norm.y + offset + c, count);
      if (norm.y_bf16 != nullptr) store(y, norm.y_bf16 + offset + c, count);
    });
  }
}

template <typename T>
HWY_INLINE void backward(const ResidualNorm<T>& step, const ResidualNormGradient<T>& gradient,
                         std::int64_t begin, std::int64_t end) {
  const std::int64_t width = step.width;
  const std::int64_t padded = units(width) * 16;
  float* factors = scratch(3 * padded);
  float* room = factors + padded;
  for (std::int64_t block = begin; block < end; ++block) {
    const BlockSums sums(gradient.partials, block, 3, width);
    float* const dbias = sums.dbias;
    const std::int64_t last = std::min(step.rows, (block + 1) * kRowBlock);
    for (std::int64_t row = block * kRowBlock; row < last; ++row) {
      const std::int64_t offset = row * width;
      row_factors(step.dropout, row, width, factors);
      const auto input = [&, row, offset](std::int64_t c, auto count) HWY_ATTR {
        Lanes dy = zero();
        if (gradient.dy != nullptr) dy = load(gradient.dy + offset + c, count);
        if (gradient.dy_product != nullptr) dy = dy + load(gradient.dy_product + offset + c, count);
        return RowInput{sum_at(step, row, c, factors, count), dy};
      };
      const auto output = [&, offset, dbias](std::int64_t c, auto count, Lanes ds) HWY_ATTR {
        const Lanes dx = ds * load(factors + c, count);
        if (gradient.dresidual != nullptr) store(ds, gradient.dresidual + offset + c, count);
        if (gradient.dx != nullptr) store(dx, gradient.dx + offset + c, count);
        if (dbias != nullptr) store(dx + load(dbias + c, count), dbias + c, count);
      };
      row_gradient(step.norm, row, width, sums, room, input, output);
    }
  }
}

void norm_forward_f32(const ResidualNorm<float>& step, std::int64_t begin, std::int64_t end) {
  forward(step, begin, end);
}

void norm_forward_bf16(const ResidualNorm<Bf16>& step, std::int64_t begin, std::int64_t end) {
  forward(step, begin, end);
}

void norm_backward_f32(const ResidualNorm<float>& step, const ResidualNormGradient<float>& gradient,
                       std::int64_t begin, std::int64_t end) {
  backward(step, gradient, begin, end);
}

void norm_backward_bf16(const ResidualNorm<Bf16>& step, const ResidualNormGradient<Bf16>& gradient,
                        std::int64_t begin, std::int64_t end) {
  backward(step, gradient, begin, end);
}

}  // namespace
}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace runner::kernels {

HWY_EXPORT(norm_forward_f32);
HWY_EXPORT(norm_forward_bf16);
HWY_EXPORT(norm_backward_f32);
HWY_EXPORT(norm_backward_bf16);

void residual_norm_forward(const ResidualNorm<float>& step, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(norm_forward_f32)(step, begin, end);
}

void residual_norm_forward(const ResidualNorm<Bf16>& step, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(norm_forward_bf16)(step, begin, end);
}

void residual_norm_backward(const ResidualNorm<float>& step,
                            const ResidualNormGradient<float>& gradient, std::int64_t begin,
                            std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(norm_backward_f32)(step, gradient, begin, end);
}

void residual_norm_backward(const ResidualNorm<Bf16>& step,
                            const ResidualNormGradient<Bf16>& gradient, std::int64_t begin,
                            std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(norm_backward_bf16)(step, gradient, begin, end);
}

}  // namespace runner::kernels
#endif
