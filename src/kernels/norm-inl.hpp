// The part of LayerNorm that the sublayers' end and the embedding share, one row at a time.
#if defined(RUNNER_KERNELS_NORM_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef RUNNER_KERNELS_NORM_INL
#undef RUNNER_KERNELS_NORM_INL
#else
#define RUNNER_KERNELS_NORM_INL
#endif

#include <algorithm>
#include <cmath>

#include "kernels/lanes-inl.hpp"
#include "kernels/layer_norm.hpp"

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {

struct RowStatistics {
  float mean;
  float rstd;
};

// Mean and 1 / sqrt(variance + eps) of a row s [width], whose sum is given; kept where the norm
// wants them. In two passes: the variance of a row far from 0 keeps its digits.
HWY_INLINE RowStatistics row_statistics(const LayerNorm& norm, std::int64_t row, const float* s,
                                        float total, std::int64_t width) {
  const auto n = static_cast<float>(width);
  const float mean = total / n;
  Lanes squares = zero();
  for_columns(0, width, [s, mean, &squares](std::int64_t c, auto count) HWY_ATTR {
    const Lanes centred = first(load(s + c, count) - set(mean), count);
    squares = mul_add(centred, centred, squares);
  });
  const float rstd = 1.0F / std::sqrt(sum(squares) / n + norm.eps);
  if (norm.mean != nullptr) norm.mean[row] = mean;
  if (norm.rstd != nullptr) norm.rstd[row] = rstd;
  return {mean, rstd};
}

// A row block's sums of columns, cleared: `count` of them side by side in partials (null:
// unwanted).
struct BlockSums {
  float *dgamma = nullptr, *dbeta = nullptr, *dbias = nullptr;

  BlockSums(float* partials, std::int64_t block, std::int64_t count, std::int64_t width) {
    if (partials == nullptr) return;
    dgamma = partials + block * count * width;
    dbeta = dgamma + width;
    if (count > 2) dbias = dbeta + width;
    std::fill_n(dgamma, count * width, 0.0F);
  }
};

struct RowInput {
  Lanes s, dy;
};

// The backward pass of y = h * gamma + beta, h = (s - mean) * rstd, over one row: input(column,
// count) is a RowInput, output(column, count, ds) takes the gradient of s. Adds the row's share to
// dgamma and dbeta. `room` has space for two rows, each of whole sixteens.
template <class Input, class Output>
HWY_INLINE void row_gradient(const LayerNorm& norm, std::int64_t row, std::int64_t width,
                             const BlockSums& sums, float* room, Input input, Output output) {
  const Lanes mean = set(norm.mean[row]);
  const Lanes rstd = set(norm.rstd[row]);
  const float* gamma = norm.gamma;
  float *dgamma = sums.dgamma, *dbeta = sums.dbeta;
  float* h_row = room;
  float* dy_row = room + (width + 15) / 16 * 16;
  Lanes sum_dh = zero();
  Lanes sum_dh_h = zero();
  for_columns(0, width, [&, mean, rstd](std::int64_t c, auto count) HWY_ATTR {
    const auto [s, dy] = input(c, count);
    const Lanes h = (s - mean) * rstd;
    const Lanes dh = dy * load(gamma + c, count);
    store(h, h_row + c, count);
    store(dy, dy_row + c, count);
    sum_dh = sum_dh + dh;
    sum_dh_h = mul_add(dh, h, sum_dh_h);
    if (dgamma != nullptr) store(mul_add(dy, h, load(dgamma + c, count)), dgamma + c, count);
    if (dbeta != nullptr) store(dy + load(dbeta + c, count), dbeta + c, count);
  });
  const auto n = static_cast<float>(width);
  const Lanes mean_dh = set(sum(sum_dh) / n);
  const Lanes mean_dh_h = set(sum(sum_dh_h) / n);
  for_columns(0, width, [&, mean_dh, mean_dh_h, rstd](std::int64_t c, auto count) HWY_ATTR {
    const Lanes h = load(h_row + c, count);
    const Lanes dh = load(dy_row + c, count) * load(gamma + c, count);
    output(c, count, rstd * (neg_mul_add(h, mean_dh_h, dh) - mean_dh));
  });
}

}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
