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

struct Normal {
  Lanes distribution;  // Phi(z)
  Lanes bell;          // exp(-z^2 / 2)
};

// Phi(-a) = bell(a) * t * P(t), t = 1 / (1 + p a), a >= 0: the form of Abramowitz, Stegun 7.1.26
// with degree 8, fitted to erfcx on [0, 9.3] with relative error 1e-8. So Phi keeps its relative
// precision in the lower tail, and backward has the density for nothing.
HWY_INLINE Normal normal(Lanes z) {
  const Lanes a = abs(z);
  const Lanes t = set(1.0F) / mul_add(a, set(0.2644579361637688F), set(1.0F));
  Lanes p = set(0.03113165684044361F);
  p = mul_add(p, t, set(-0.1467658430337906F));
  p = mul_add(p, t, set(0.2245526760816574F));
  p = mul_add(p, t, set(-0.12344982475042343F));
  p = mul_add(p, t, set(0.14267857372760773F));
  p = mul_add(p, t, set(0.05837932229042053F));
  p = mul_add(p, t, set(0.10297296941280365F));
  p = mul_add(p, t, set(0.10497188568115234F));
  p = mul_add(p, t, set(0.10552859306335449F));
  const Lanes bell = exp(a * a * set(-0.5F));
  const Lanes tail = bell * t * p;
  return {where_negative(z, tail, set(1.0F) - tail), bell};
}

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
      store(z * normal(z).distribution, y + row * gelu.width + c, count);
    });
  }
}

template <typename T>
HWY_INLINE void backward(const BiasGelu<T>& gelu, const T* dy, T* dx, float* partials,
                         std::int64_t begin, std::int64_t end) {
  const std::int64_t width = gelu.width;
  for (std::int64_t block = begin; block < end; ++block) {
    float* dbias = partials == nullptr ? nullptr : partials + block * width;
    if (dbias != nullptr) std::fill_n(dbias, width, 0.0F);
    const std::int64_t last = std::min(gelu.rows, (block + 1) * kRowBlock);
    for (std::int64_t row = block * kRowBlock; row < last; ++row) {
      for_columns(0, width, [=, &gelu](std::int64_t c, auto count) HWY_ATTR {
        const Lanes z = input(gelu, row, c, count);
        const Normal n = normal(z);
        // 1 / sqrt(2 pi) of the density
        const Lanes slope = mul_add(z * n.bell, set(0.3989422804014327F), n.distribution);
        const Lanes dz = load(dy + row * width + c, count) * slope;
        store(dz, dx + row * width + c, count);
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

void gelu_backward_f32(const BiasGelu<float>& gelu, const float* dy, float* dx, float* partials,
                       std::int64_t begin, std::int64_t end) {
  backward(gelu, dy, dx, partials, begin, end);
}

void gelu_backward_bf16(const BiasGelu<Bf16>& gelu, const Bf16* dy, Bf16* dx, float* partials,
                        std::int64_t begin, std::int64_t end) {
  backward(gelu, dy, dx, partials, begin, end);
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

void bias_gelu_backward(const BiasGelu<float>& gelu, const float* dy, float* dx, float* partials,
                        std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(gelu_backward_f32)(gelu, dy, dx, partials, begin, end);
}

void bias_gelu_backward(const BiasGelu<Bf16>& gelu, const Bf16* dy, Bf16* dx, float* partials,
                        std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(gelu_backward_bf16)(gelu, dy, dx, partials, begin, end);
}

}  // namespace runner::kernels
#endif
