// The part of LayerNorm that the sublayers' end and the embedding share, one row at a time.
#if defined(RUNNER_KERNELS_NORM_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef RUNNER_KERNELS_NORM_INL
#undef RUNNER_KERNELS_NORM_INL
#else
#define RUNNER_KERNELS_NORM_INL
#endif

#include <cmath>

#include "kernels/lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {

struct RowStatistics {
  float mean;
  float rstd;
};

// Mean and 1 / sqrt(variance + eps) of s [width], whose sum is given. In two passes: the variance
// of a row far from 0 keeps its digits.
HWY_INLINE RowStatistics row_statistics(const float* s, float total, std::int64_t width,
                                        float eps) {
  const auto n = static_cast<float>(width);
  const float mean = total / n;
  Lanes squares = zero();
  for_columns(0, width, [s, mean, &squares](std::int64_t c, auto count) HWY_ATTR {
    const Lanes centred = first(load(s + c, count) - set(mean), count);
    squares = mul_add(centred, centred, squares);
  });
  return {mean, 1.0F / std::sqrt(sum(squares) / n + eps)};
}

// The backward pass of y = h * gamma + beta, h = (s - mean) * rstd: turns g, the gradient of y,
// into that of s, in place, and adds this row's share to dgamma and dbeta (null: unwanted).
HWY_INLINE void row_gradient(const float* s, float* g, RowStatistics statistics, const float* gamma,
                             std::int64_t width, float* dgamma, float* dbeta) {
  const Lanes mean = set(statistics.mean);
  const Lanes rstd = set(statistics.rstd);
  Lanes sum_g = zero();
  Lanes sum_gh = zero();
  for_columns(0, width, [=, &sum_g, &sum_gh](std::int64_t c, auto count) HWY_ATTR {
    const Lanes dy = load(g + c, count);
    const Lanes h = (load(s + c, count) - mean) * rstd;
    const Lanes dh = dy * load(gamma + c, count);
    sum_g = sum_g + dh;
    sum_gh = mul_add(dh, h, sum_gh);
    if (dgamma != nullptr) store(mul_add(dy, h, load(dgamma + c, count)), dgamma + c, count);
    if (dbeta != nullptr) store(dy + load(dbeta + c, count), dbeta + c, count);
  });
  const auto n = static_cast<float>(width);
  const Lanes mean_g = set(sum(sum_g) / n);
  const Lanes mean_gh = set(sum(sum_gh) / n);
  for_columns(0, width, [=](std::int64_t c, auto count) HWY_ATTR {
    const Lanes h = (load(s + c, count) - mean) * rstd;
    const Lanes dh = load(g + c, count) * load(gamma + c, count);
    store(rstd * (neg_mul_add(h, mean_gh, dh) - mean_g), g + c, count);
  });
}

}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
