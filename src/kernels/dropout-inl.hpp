// Philox4x32-10 (random/philox.hpp) on 16 counters at once, and the dropout factors made from it.
#if defined(RUNNER_KERNELS_DROPOUT_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef RUNNER_KERNELS_DROPOUT_INL
#undef RUNNER_KERNELS_DROPOUT_INL
#else
#define RUNNER_KERNELS_DROPOUT_INL
#endif

#include <algorithm>

#include "kernels/dropout.hpp"
#include "kernels/lanes-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {

using WideTag = hn::Repartition<std::uint64_t, WordTag>;

// The state of one vector of counters, each word in the low half of 64 bits. The high halves hold
// rubbish: the products read the low halves alone, and the results keep those alone.
struct PhiloxState {
  hn::Vec<WideTag> c0, c1, c2, c3;
};

HWY_INLINE void philox_round(PhiloxState& s, hn::Vec<WideTag> k0, hn::Vec<WideTag> k1) {
  const WordTag words;
  const auto p0 = hn::MulEven(hn::BitCast(words, s.c0), hn::Set(words, 0xD2511F53));
  const auto p1 = hn::MulEven(hn::BitCast(words, s.c2), hn::Set(words, 0xCD9E8D57));
  s.c0 = hn::Xor(hn::Xor(hn::ShiftRight<32>(p1), s.c1), k0);
  s.c1 = p1;
  s.c2 = hn::Xor(hn::Xor(hn::ShiftRight<32>(p0), s.c3), k1);
  s.c3 = p0;
}

// words[j] = word j of philox(key, high, first + lane) for the counters of vector I.
template <std::size_t I>
HWY_INLINE void philox_vector(std::uint64_t key, std::uint64_t high, std::uint64_t first,
                              hn::Vec<WordTag> (&result)[4]) {
  const WideTag wide;
  PhiloxState even, odd;
  const auto lanes = hn::ShiftLeft<1>(hn::Iota(wide, 0));
  even.c0 = hn::Add(lanes, hn::Set(wide, (first & 0xffffffffU) + I * kVectorLanes));
  odd.c0 = hn::Add(even.c0, hn::Set(wide, 1));
  even.c1 = odd.c1 = hn::Set(wide, first >> 32);
  even.c2 = odd.c2 = hn::Set(wide, high & 0xffffffffU);
  even.c3 = odd.c3 = hn::Set(wide, high >> 32);
  auto k0 = static_cast<std::uint32_t>(key);
  auto k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const auto key0 = hn::Set(wide, k0);
    const auto key1 = hn::Set(wide, k1);
    philox_round(even, key0, key1);
    philox_round(odd, key0, key1);
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  const auto join = [](auto a, auto b) HWY_ATTR {
    const WordTag tag;
    return hn::OddEven(hn::BitCast(tag, hn::ShiftLeft<32>(b)), hn::BitCast(tag, a));
  };
  result[0] = join(even.c0, odd.c0);
  result[1] = join(even.c1, odd.c1);
  result[2] = join(even.c2, odd.c2);
  result[3] = join(even.c3, odd.c3);
}

// Eight units of 16 columns share the words of 16 Philox blocks (see keeps()).
inline constexpr std::int64_t kUnitsPerGroup = 8;

template <std::size_t I>
HWY_INLINE void group_vector(const Dropout& dropout, std::uint64_t high, std::uint64_t group,
                             float* factors) {
  const FloatTag floats;
  const IntTag ints;
  const WordTag words;
  hn::Vec<WordTag> random[4];
  philox_vector<I>(dropout.key, high, group * kLanes, random);
  const auto threshold = hn::Set(ints, static_cast<std::int32_t>(dropout.threshold));
  const auto scale = hn::Set(floats, dropout.scale);
  for (std::size_t j = 0; j < 4; ++j) {
    const auto low = hn::BitCast(ints, hn::And(random[j], hn::Set(words, 0xffff)));
    const auto high_half = hn::BitCast(ints, hn::ShiftRight<16>(random[j]));
    float* out = factors + 2 * j * kLanes + I * kVectorLanes;
    hn::StoreU(hn::IfThenZeroElse(hn::RebindMask(floats, hn::Lt(low, threshold)), scale), floats,
               out);
    hn::StoreU(hn::IfThenZeroElse(hn::RebindMask(floats, hn::Lt(high_half, threshold)), scale),
               floats, out + kLanes);
  }
}

template <std::size_t... I>
HWY_INLINE void group_factors(const Dropout& dropout, std::uint64_t high, std::uint64_t group,
                              float* factors, std::index_sequence<I...>) {
  (group_vector<I>(dropout, high, group, factors), ...);
}

constexpr std::int64_t units(std::int64_t width) { return (width + 15) / 16; }

// factors[16 * count]: scale or 0 for each element of the units [begin, begin + count). All 1
// without dropout.
HWY_MAYBE_UNUSED HWY_NOINLINE static void unit_factors(const Dropout& dropout, std::uint32_t plane,
                                                       std::int64_t begin, std::int64_t count,
                                                       float* factors) {
  constexpr auto kUnit = static_cast<std::int64_t>(kLanes);
  if (dropout.threshold == 0) {
    for (std::int64_t unit = 0; unit < count; ++unit) store(set(1.0F), factors + unit * kUnit);
    return;
  }
  const std::uint64_t high = (std::uint64_t{dropout.site} << 32) | plane;
  const std::int64_t end = begin + count;
  for (std::int64_t unit = begin; unit < end;) {
    const std::int64_t group = unit / kUnitsPerGroup;
    const std::int64_t next = std::min(end, (group + 1) * kUnitsPerGroup);
    float* out = factors + (unit - begin) * kUnit;
    if (next - unit == kUnitsPerGroup) {
      group_factors(dropout, high, static_cast<std::uint64_t>(group), out, Each());
    } else {
      float whole[kUnitsPerGroup * kUnit];
      group_factors(dropout, high, static_cast<std::uint64_t>(group), whole, Each());
      std::copy_n(whole + (unit % kUnitsPerGroup) * kUnit, (next - unit) * kUnit, out);
    }
    unit = next;
  }
}

// The factors of one row of plane 0.
HWY_INLINE void row_factors(const Dropout& dropout, std::int64_t row, std::int64_t width,
                            float* factors) {
  unit_factors(dropout, 0, row * units(width), units(width), factors);
}

}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
