#include "kernels/gelu.hpp"

#include <algorithm>

#include "kernels/targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gelu.cpp"
#include <hwy/foreach_target.h>

#include "kernels/lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {
namespace {

// Phi(z) = (1 + erf(z / sqrt(2))) / 2 with an error below 1e-7. erf by N. Juffa's two minimax
// polynomials: odd in a = z / sqrt(2) up to 0.93, beyond it the logarithm of erfc(|a|).
HWY_INLINE Lanes distribution(Lanes z) {
  const Lanes a = z * set(0.70710678F);
  const Lanes t = abs(a);
  const Lanes s = a * a;
  Lanes odd = set(-5.96761703e-4F);
  odd = mul_add(odd, s, set(4.99119423e-3F));
  odd = mul_add(odd, s, set(-2.67681349e-2F));
  odd = mul_add(odd, s, set(1.12819925e-1F));
  odd = mul_add(odd, s, set(-3.76125336e-1F));
  odd = mul_add(odd, s, set(1.28379166e-1F));
  const Lanes centre = mul_add(mul_add(odd, a, a), set(0.5F), set(0.5F));
  Lanes log = mul_add(set(-1.72853470e-5F), t, set(3.83197126e-4F));
  log = mul_add(log, s, mul_add(set(-3.88396438e-3F), t, set(2.42546219e-2F)));
  log = mul_add(log, t, set(-1.06777877e-1F));
  log = mul_add(log, t, set(-6.34846687e-1F));
  log = mul_add(log, t, set(-1.28717512e-1F));
  log = mul_add(log, t, zero() - t);
  const Lanes tail = exp(log) * set(0.5F);
  const Lanes outer = where_negative(z, tail, set(1.0F) - tail);
  return where_negative(t - set(0.927734375F), centre, outer);
}

// exp(-z^2 / 2) / sqrt(2 pi)
HWY_INLINE Lanes density(Lanes z) { return exp(z * z * set(-0.5F)) * set(0.3989422804014327F); }

// The normal distribution at z: its density, and the probability below.
struct Normal {
  Lanes density, below;
};

// Both from one exponential: erfc(a) = exp(-a^2) (polynomial in 1 / (1 + p a)) for a >= 0 within
// 1.5e-7 (Abramowitz and Stegun 7.1.26). All of it is exact enough for what is rounded to bf16.
HWY_INLINE Normal normal(Lanes z, Bf16) {
  const Lanes t = set(1.0F) / mul_add(abs(z), set(0.3275911F * 0.70710678F), set(1.0F));
  Lanes tail = set(0.5F * 1.061405429F);
  tail = mul_add(tail, t, set(0.5F * -1.453152027F));
  tail = mul_add(tail, t, set(0.5F * 1.421413741F));
  tail = mul_add(tail, t, set(0.5F * -0.284496736F));
  tail = mul_add(tail, t, set(0.5F * 0.254829592F));
  const Lanes bell = coarse_exp(z * z * set(-0.5F));
  const Lanes outside = tail * t * bell;
  return {bell * set(0.3989422804014327F), where_negative(z, outside, set(1.0F) - outside)};
}
HWY_INLINE Normal normal(Lanes z, float) { return {density(z), distribution(z)}; }

template <typename T>
HWY_INLINE Lanes input(const BiasGelu<T>& gelu, std::int64_t row, std::int64_t column, auto count) {
  const Lanes x = load(gelu.x + row * gelu.width + column, count);
  return gelu.bias == nullptr ? x : x + load(gelu.bias + column, count);
}

template <typename T>
HWY_INLINE void forward(const BiasGelu<T>& gelu, T* y, std::int64_t begin, std::int64_t end) {
  for (std::int64_t row = begin; row < end; ++row) {
    for_columns(0, gelu.width, [&gelu, y, row](std::int64_t c, auto count) HWY_ATTR {
      const Lanes z = input(gelu, row, c, count);
      store(z * normal(z, T{}).below, y + row * gelu.width + c, count);
    });
  }
}

template <typename T>
HWY_INLINE void backward(const BiasGelu<T>& gelu, const T* dy, T* dx, T* y, float* partials,
                         std::int64_t begin, std::int64_t end) {
  const std::int64_t width = gelu.width;
  for (std::int64_t block = begin; block < end; ++block) {
    float* dbias = partials == nullptr ? nullptr : partials + block * width;
    if (dbias != nullptr) std::fill_n(dbias, width, 0.0F);
    const std::int64_t last = std::min(gelu.rows, (block + 1) * kRowBlock);
    for (std::int64_t row = block * kRowBlock; row < last; ++row) {
      for_columns(0, width, [=, &gelu](std::int64_t c, auto count) HWY_ATTR {
        const Lanes z = input(gelu, row, c, count);
        const auto [density, below] = normal(z, T{});
        const Lanes slope = mul_add(z, density, below);
        const Lanes dz = load(dy + row * width + c, count) * slope;
        store(dz, dx + row * width + c, count);
        if (y != nullptr) store(z * below, y + row * width + c, count);
        if (dbias != nullptr) store(dz + load(dbias + c, count), dbias + c, count);
      });
    }
  }
}

void gelu_forward_f32(const BiasGelu<float>& gelu, float* y, std::int64_t begin, std::int64_t end) {
  forward(gelu, y, begin, end);
}

void gelu_forward_bf16(const BiasGelu<Bf16>& gelu, Bf16* y, std::int64_t begin, std::int64_t end) {
  forward(gelu, y, begin, end);
}

void gelu_backward_f32(const BiasGelu<float>& gelu, const float* dy, float* dx, float* y,
                       float* partials, std::int64_t begin, std::int64_t end) {
  backward(gelu, dy, dx, y, partials, begin, end);
}

void gelu_backward_bf16(const BiasGelu<Bf16>& gelu, const Bf16* dy, Bf16* dx, Bf16* y,
                        float* partials, std::int64_t begin, std::int64_t end) {
  backward(gelu, dy, dx, y, partials, begin, end);
}

}  // namespace
}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace runner::kernels {

HWY_EXPORT(gelu_forward_f32);
HWY_EXPORT(gelu_forward_bf16);
HWY_EXPORT(gelu_backward_f32);
HWY_EXPORT(gelu_backward_bf16);

void bias_gelu_forward(const BiasGelu<float>& gelu, float* y, std::int64_t begin,
                       std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(gelu_forward_f32)(gelu, y, begin, end);
}

void bias_gelu_forward(const BiasGelu<Bf16>& gelu, Bf16* y, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(gelu_forward_bf16)(gelu, y, begin, end);
}

void bias_gelu_backward(const BiasGelu<float>& gelu, const float* dy, float* dx, float* y,
                        float* partials, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(gelu_backward_f32)(gelu, dy, dx, y, partials, begin, end);
}

void bias_gelu_backward(const BiasGelu<Bf16>& gelu, const Bf16* dy, Bf16* dx, Bf16* y,
                        float* partials, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(gelu_backward_bf16)(gelu, dy, dx, y, partials, begin, end);
}

}  // namespace runner::kernels
#endif
