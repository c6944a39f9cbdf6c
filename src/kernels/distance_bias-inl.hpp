// Attention's bias by distance, on tiles of scores.
#if defined(RUNNER_KERNELS_DISTANCE_BIAS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef RUNNER_KERNELS_DISTANCE_BIAS_INL
#undef RUNNER_KERNELS_DISTANCE_BIAS_INL
#else
#define RUNNER_KERNELS_DISTANCE_BIAS_INL
#endif

#include "kernels/attention.hpp"
#include "kernels/lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {

// scores[r, key] += factor * bias of the distance key - (first_query + r), for `rows` rows `stride`
// apart and whole units of keys. `bias` is one head's row of DistanceBias::values.
HWY_INLINE void add_distance_bias(const float* bias, std::int64_t longest, float factor,
                                  std::int64_t first_query, std::int64_t rows,
                                  std::int64_t key_units, float* scores, std::int64_t stride) {
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* from = bias + longest - 1 - first_query - r;
    float* row = scores + r * stride;
    for (std::int64_t c = 0; c < key_units * 16; c += 16)
      store(mul_add(load(from + c), set(factor), load(row + c)), row + c);
  }
}

// sums[distance] += slope at one place of a row: the reverse, for one query.
HWY_INLINE void add_distance_gradient(Lanes slopes, std::int64_t longest, std::int64_t query,
                                      std::int64_t key, float* sums) {
  float* to = sums + longest - 1 - query + key;
  store(load(to) + slopes, to);
}

}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // RUNNER_KERNELS_DISTANCE_BIAS_INL
