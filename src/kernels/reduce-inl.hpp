// Sums in double precision over blocks of fp32 or bf16 values.
#if defined(RUNNER_KERNELS_REDUCE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef RUNNER_KERNELS_REDUCE_INL
#undef RUNNER_KERNELS_REDUCE_INL
#else
#define RUNNER_KERNELS_REDUCE_INL
#endif

#include <hwy/cache_control.h>

#include "kernels/lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {

using DoubleTag = hn::Repartition<double, FloatTag>;

// Sixteen running sums in double precision. The products of two floats are exact in double.
struct DoubleLanes {
  hn::Vec<DoubleTag> low[kVectors];
  hn::Vec<DoubleTag> high[kVectors];
};

template <std::size_t... I>
HWY_INLINE void add_products(Lanes a, Lanes b, DoubleLanes& sums, std::index_sequence<I...>) {
  const DoubleTag tag;
  const hn::Half<FloatTag> half;
  const auto low = [&](auto x) HWY_ATTR { return hn::PromoteTo(tag, hn::LowerHalf(half, x)); };
  const auto high = [&](auto x) HWY_ATTR { return hn::PromoteTo(tag, hn::UpperHalf(half, x)); };
  ((sums.low[I] = hn::MulAdd(low(a.v[I]), low(b.v[I]), sums.low[I])), ...);
  ((sums.high[I] = hn::MulAdd(high(a.v[I]), high(b.v[I]), sums.high[I])), ...);
}

// Sum of a[i] * b[i] over [begin, end) in an order that depends on the range alone.
template <typename A, typename B>
HWY_INLINE double dot(const A* a, const B* b, std::int64_t begin, std::int64_t end) {
  DoubleLanes sums;
  for (std::size_t i = 0; i < kVectors; ++i) {
    sums.low[i] = hn::Zero(DoubleTag());
    sums.high[i] = hn::Zero(DoubleTag());
  }
  for_columns(begin, end, [=, &sums](std::int64_t i, auto count) HWY_ATTR {
    hwy::Prefetch(b + i + 1024);  // several streams in turn defeat the hardware's prefetching
    add_products(load(a + i, count), load(b + i, count), sums, Each());
  });
  constexpr std::size_t kHalf = kVectorLanes / 2;
  double lanes[kLanes];
  for (std::size_t i = 0; i < kVectors; ++i) {
    hn::StoreU(sums.low[i], DoubleTag(), lanes + i * kVectorLanes);
    hn::StoreU(sums.high[i], DoubleTag(), lanes + i * kVectorLanes + kHalf);
  }
  double total = 0.0;
  for (const double lane : lanes) total += lane;
  return total;
}

}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
