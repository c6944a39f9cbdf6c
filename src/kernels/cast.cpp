#include "kernels/cast.hpp"

#include "kernels/targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cast.cpp"
#include <hwy/foreach_target.h>

#include "kernels/lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {
namespace {

template <typename From, typename To>
HWY_INLINE void convert(const From* source, To* target, std::int64_t begin, std::int64_t end) {
  for_columns(begin, end, [=](std::int64_t i, auto count) HWY_ATTR {
    store(load(source + i, count), target + i, count);
  });
}

void narrow_all(const float* source, Bf16* target, std::int64_t begin, std::int64_t end) {
  convert(source, target, begin, end);
}

void widen_all(const Bf16* source, float* target, std::int64_t begin, std::int64_t end) {
  convert(source, target, begin, end);
}

void add_scaled(float a, const float* x, float* y, std::int64_t begin, std::int64_t end) {
  const Lanes factor = set(a);
  for_columns(begin, end, [=](std::int64_t i, auto count) HWY_ATTR {
    store(mul_add(factor, load(x + i, count), load(y + i, count)), y + i, count);
  });
}

void average_in(float decay, const float* value, float* average, std::int64_t begin,
                std::int64_t end) {
  const Lanes share = set(1.0F - decay);
  for_columns(begin, end, [=](std::int64_t i, auto count) HWY_ATTR {
    const Lanes old = load(average + i, count);
    store(mul_add(share, load(value + i, count) - old, old), average + i, count);
  });
}

// 0 * x is NaN exactly for infinite and NaN x, and so is a sum that such a term enters.
template <typename T>
HWY_INLINE bool finite(const T* values, std::int64_t begin, std::int64_t end) {
  Lanes products = zero();
  for_columns(begin, end, [=, &products](std::int64_t i, auto count) HWY_ATTR {
    products = mul_add(load(values + i, count), zero(), products);
  });
  return sum(products) == 0.0F;
}

bool finite_f32(const float* values, std::int64_t begin, std::int64_t end) {
  return finite(values, begin, end);
}

bool finite_bf16(const Bf16* values, std::int64_t begin, std::int64_t end) {
  return finite(values, begin, end);
}

}  // namespace
}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace runner::kernels {

HWY_EXPORT(narrow_all);
HWY_EXPORT(widen_all);
HWY_EXPORT(add_scaled);
HWY_EXPORT(average_in);
HWY_EXPORT(finite_f32);
HWY_EXPORT(finite_bf16);

void cast(const float* source, Bf16* target, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(narrow_all)(source, target, begin, end);
}

void cast(const Bf16* source, float* target, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(widen_all)(source, target, begin, end);
}

void axpy(float a, const float* x, float* y, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(add_scaled)(a, x, y, begin, end);
}

void ema(float decay, const float* value, float* average, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(average_in)(decay, value, average, begin, end);
}

bool all_finite(const float* values, std::int64_t begin, std::int64_t end) {
  return HWY_DYNAMIC_DISPATCH(finite_f32)(values, begin, end);
}

bool all_finite(const Bf16* values, std::int64_t begin, std::int64_t end) {
  return HWY_DYNAMIC_DISPATCH(finite_bf16)(values, begin, end);
}

}  // namespace runner::kernels
#endif
