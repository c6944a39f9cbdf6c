#include "kernels/adamw.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/adamw.cpp"
#include <hwy/foreach_target.h>

#include "kernels/reduce-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {
namespace {

// The operations of torch.optim.AdamW in its order: lerp, mul and addcmul, addcdiv.
HWY_INLINE void advance(const AdamWStep& step, Lanes g, Lanes& w, Lanes& m, Lanes& v) {
  m = mul_add(set(step.one_minus_beta1), g - m, m);
  v = mul_add(set(step.one_minus_beta2) * g, g, set(step.beta2) * v);
  const Lanes denominator = sqrt(v) / set(step.correction2_root) + set(step.eps);
  w = neg_mul_add(set(step.step_size), m / denominator, w * set(step.decay));
}

template <typename T>
HWY_INLINE void take_step(const AdamWStep& step, float gradient_scale, const T* gradient,
                          float* weights, float* m, float* v, Bf16* bf16, std::int64_t begin,
                          std::int64_t end) {
  for_columns(begin, end, [=](std::int64_t i, auto count) HWY_ATTR {
    Lanes w = load(weights + i, count);
    Lanes first_moment = load(m + i, count);
    Lanes second_moment = load(v + i, count);
    advance(step, load(gradient + i, count) * set(gradient_scale), w, first_moment, second_moment);
    store(w, weights + i, count);
    store(first_moment, m + i, count);
    store(second_moment, v + i, count);
    if (bf16 != nullptr) store(w, bf16 + i, count);
  });
}

void step_f32(const AdamWStep& step, float gradient_scale, const float* gradient, float* weights,
              float* m, float* v, Bf16* bf16, std::int64_t begin, std::int64_t end) {
  take_step(step, gradient_scale, gradient, weights, m, v, bf16, begin, end);
}

void step_bf16(const AdamWStep& step, float gradient_scale, const Bf16* gradient, float* weights,
               float* m, float* v, Bf16* bf16, std::int64_t begin, std::int64_t end) {
  take_step(step, gradient_scale, gradient, weights, m, v, bf16, begin, end);
}

void replay(std::span<const AdamWStep> missed, float* weights, float* m, float* v, Bf16* bf16,
            std::int64_t begin, std::int64_t end) {
  for_columns(begin, end, [=](std::int64_t i, auto count) HWY_ATTR {
    Lanes w = load(weights + i, count);
    Lanes first_moment = load(m + i, count);
    Lanes second_moment = load(v + i, count);
    for (const AdamWStep& step : missed) advance(step, zero(), w, first_moment, second_moment);
    store(w, weights + i, count);
    store(first_moment, m + i, count);
    store(second_moment, v + i, count);
    if (bf16 != nullptr) store(w, bf16 + i, count);
  });
}

template <typename T>
HWY_INLINE void square_blocks(const T* values, std::int64_t count, double* sums, std::int64_t begin,
                              std::int64_t end) {
  for (std::int64_t block = begin; block < end; ++block) {
    sums[block] = dot(values, values, block * kSumBlock, std::min(count, (block + 1) * kSumBlock));
  }
}

void squares_f32(const float* values, std::int64_t count, double* sums, std::int64_t begin,
                 std::int64_t end) {
  square_blocks(values, count, sums, begin, end);
}

void squares_bf16(const Bf16* values, std::int64_t count, double* sums, std::int64_t begin,
                  std::int64_t end) {
  square_blocks(values, count, sums, begin, end);
}

}  // namespace
}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace runner::kernels {

HWY_EXPORT(step_f32);
HWY_EXPORT(step_bf16);
HWY_EXPORT(replay);
HWY_EXPORT(squares_f32);
HWY_EXPORT(squares_bf16);

AdamWStep adamw_step(double lr, double beta1, double beta2, double eps, double weight_decay,
                     std::int64_t step) {
  const auto t = static_cast<double>(step);
  return {.decay = static_cast<float>(1.0 - lr * weight_decay),
          .one_minus_beta1 = static_cast<float>(1.0 - beta1),
          .beta2 = static_cast<float>(beta2),
          .one_minus_beta2 = static_cast<float>(1.0 - beta2),
          .step_size = static_cast<float>(lr / (1.0 - std::pow(beta1, t))),
          .correction2_root = static_cast<float>(std::sqrt(1.0 - std::pow(beta2, t))),
          .eps = static_cast<float>(eps)};
}

void adamw(const AdamWStep& step, float gradient_scale, const float* gradient, float* weights,
           float* m, float* v, Bf16* bf16, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(step_f32)(step, gradient_scale, gradient, weights, m, v, bf16, begin, end);
}

void adamw(const AdamWStep& step, float gradient_scale, const Bf16* gradient, float* weights,
           float* m, float* v, Bf16* bf16, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(step_bf16)(step, gradient_scale, gradient, weights, m, v, bf16, begin, end);
}

void adamw_replay(std::span<const AdamWStep> missed, float* weights, float* m, float* v, Bf16* bf16,
                  std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(replay)(missed, weights, m, v, bf16, begin, end);
}

void sum_squares(const float* values, std::int64_t count, double* sums, std::int64_t begin,
                 std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(squares_f32)(values, count, sums, begin, end);
}

void sum_squares(const Bf16* values, std::int64_t count, double* sums, std::int64_t begin,
                 std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(squares_bf16)(values, count, sums, begin, end);
}

}  // namespace runner::kernels
#endif
