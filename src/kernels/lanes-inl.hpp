// Sixteen floats as one value on every target: one AVX-512 vector, two of AVX2, four of SSE4 or
// NEON. Elementwise operations and the order of reductions do not depend on the vector length.
// Included once per target (see Highway's foreach_target.h), hence the toggled guard.
#if defined(RUNNER_KERNELS_LANES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef RUNNER_KERNELS_LANES_INL
#undef RUNNER_KERNELS_LANES_INL
#else
#define RUNNER_KERNELS_LANES_INL
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "kernels/cast.hpp"

HWY_BEFORE_NAMESPACE();
namespace runner::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

inline constexpr std::size_t kLanes = 16;
using FloatTag = hn::CappedTag<float, kLanes>;
using WordTag = hn::RebindToUnsigned<FloatTag>;
using IntTag = hn::RebindToSigned<FloatTag>;
using Bf16Tag = hn::Rebind<Bf16, FloatTag>;
inline constexpr std::size_t kVectorLanes = hn::MaxLanes(FloatTag());
inline constexpr std::size_t kVectors = kLanes / kVectorLanes;
static_assert(kVectorLanes >= 4);
using Each = std::make_index_sequence<kVectors>;

struct Lanes {
  hn::Vec<FloatTag> v[kVectors];
};

template <std::size_t I, class Op, class... Args>
HWY_INLINE hn::Vec<FloatTag> map_one(Op op, const Args&... args) {
  return op(args.v[I]...);
}
template <class Op, std::size_t... I, class... Args>
HWY_INLINE Lanes map_each(Op op, std::index_sequence<I...>, const Args&... args) {
  return {{map_one<I>(op, args...)...}};
}
// op on each vector of the arguments; written without loops, so that values stay in registers.
template <class Op, class... Args>
HWY_INLINE Lanes map(Op op, const Args&... args) {
  return map_each(op, Each(), args...);
}

HWY_INLINE Lanes operator+(Lanes a, Lanes b) {
  return map([](auto x, auto y) HWY_ATTR { return hn::Add(x, y); }, a, b);
}
HWY_INLINE Lanes operator-(Lanes a, Lanes b) {
  return map([](auto x, auto y) HWY_ATTR { return hn::Sub(x, y); }, a, b);
}
HWY_INLINE Lanes operator*(Lanes a, Lanes b) {
  return map([](auto x, auto y) HWY_ATTR { return hn::Mul(x, y); }, a, b);
}
HWY_INLINE Lanes operator/(Lanes a, Lanes b) {
  return map([](auto x, auto y) HWY_ATTR { return hn::Div(x, y); }, a, b);
}
// a * b + c, with one rounding where the target can.
HWY_INLINE Lanes mul_add(Lanes a, Lanes b, Lanes c) {
  return map([](auto x, auto y, auto z) HWY_ATTR { return hn::MulAdd(x, y, z); }, a, b, c);
}
// c - a * b
HWY_INLINE Lanes neg_mul_add(Lanes a, Lanes b, Lanes c) {
  return map([](auto x, auto y, auto z) HWY_ATTR { return hn::NegMulAdd(x, y, z); }, a, b, c);
}
HWY_INLINE Lanes max(Lanes a, Lanes b) {
  return map([](auto x, auto y) HWY_ATTR { return hn::Max(x, y); }, a, b);
}
HWY_INLINE Lanes abs(Lanes a) {
  return map([](auto x) HWY_ATTR { return hn::Abs(x); }, a);
}
HWY_INLINE Lanes sqrt(Lanes a) {
  return map([](auto x) HWY_ATTR { return hn::Sqrt(x); }, a);
}
HWY_INLINE Lanes set(float value) {
  const auto vector = hn::Set(FloatTag(), value);
  return map([vector](auto) HWY_ATTR { return vector; }, Lanes{});
}
HWY_INLINE Lanes zero() { return set(0.0F); }
// negative where x < 0, else other
HWY_INLINE Lanes where_negative(Lanes x, Lanes negative, Lanes other) {
  return map([](auto a, auto b, auto c)
                 HWY_ATTR { return hn::IfThenElse(hn::Lt(a, hn::Zero(FloatTag())), b, c); },
             x, negative, other);
}

// How many of the sixteen lanes a load or store touches: all, or the first `std::size_t`.
struct All {};

template <std::size_t... I>
HWY_INLINE Lanes load_each(const float* p, std::index_sequence<I...>) {
  return {{hn::LoadU(FloatTag(), p + I * kVectorLanes)...}};
}
template <std::size_t... I>
HWY_INLINE Lanes load_each(const Bf16* p, std::index_sequence<I...>) {
  return {{hn::BitCast(
      FloatTag(),
      hn::ShiftLeft<16>(hn::PromoteTo(WordTag(), hn::LoadU(Bf16Tag(), p + I * kVectorLanes))))...}};
}
template <typename T>
HWY_INLINE Lanes load(const T* p, All = {}) {
  return load_each(p, Each());
}
// The lanes past count are 0.
template <typename T>
HWY_INLINE Lanes load(const T* p, std::size_t count) {
  T lanes[kLanes] = {};
  for (std::size_t i = 0; i < count; ++i) lanes[i] = p[i];
  return load(lanes);
}

template <std::size_t... I>
HWY_INLINE void store_each(Lanes a, float* p, std::index_sequence<I...>) {
  (hn::StoreU(a.v[I], FloatTag(), p + I * kVectorLanes), ...);
}
// to_bf16 on a vector.
HWY_INLINE hn::Vec<Bf16Tag> narrow(hn::Vec<FloatTag> a) {
  const WordTag words;
  const auto bits = hn::BitCast(words, a);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(words, 1));
  const auto rounded = hn::ShiftRight<16>(hn::Add(hn::Add(bits, hn::Set(words, 0x7fff)), odd));
  const auto safe =
      hn::IfThenElse(hn::RebindMask(words, hn::IsNaN(a)), hn::Set(words, 0x7fc0), rounded);
  return hn::DemoteTo(Bf16Tag(), hn::BitCast(IntTag(), safe));
}
template <std::size_t... I>
HWY_INLINE void store_each(Lanes a, Bf16* p, std::index_sequence<I...>) {
  (hn::StoreU(narrow(a.v[I]), Bf16Tag(), p + I * kVectorLanes), ...);
}
template <typename T>
HWY_INLINE void store(Lanes a, T* p, All = {}) {
  store_each(a, p, Each());
}
template <typename T>
HWY_INLINE void store(Lanes a, T* p, std::size_t count) {
  T lanes[kLanes];
  store(a, lanes);
  for (std::size_t i = 0; i < count; ++i) p[i] = lanes[i];
}

// a with the lanes past count set to 0.
HWY_INLINE Lanes first(Lanes a, All) { return a; }
HWY_INLINE Lanes first(Lanes a, std::size_t count) {
  float lanes[kLanes];
  store(a, lanes);
  return load(lanes, count);
}

// Calls body(column, count) for the sixteens of [0, width): count is All, at the end possibly the
// number of columns left.
template <class Body>
HWY_INLINE void for_columns(std::int64_t begin, std::int64_t end, Body body) {
  std::int64_t column = begin;
  for (; column + static_cast<std::int64_t>(kLanes) <= end;
       column += static_cast<std::int64_t>(kLanes)) {
    body(column, All());
  }
  if (column < end) body(column, static_cast<std::size_t>(end - column));
}

// Folds the sixteen lanes in a fixed tree: i with i + 8, then i + 4, i + 2, i + 1.
template <class Op>
HWY_INLINE float fold(Op op, Lanes a) {
  const auto last = [op](auto x) HWY_ATTR {
    x = op(x, hn::Shuffle1032(x));
    return hn::GetLane(op(x, hn::Shuffle2301(x)));
  };
  if constexpr (kVectors == 4) {
    return last(op(op(a.v[0], a.v[2]), op(a.v[1], a.v[3])));
  } else {
    const auto halves = [op](auto tag, auto x) HWY_ATTR {
      return op(hn::LowerHalf(hn::Half<decltype(tag)>(), x),
                hn::UpperHalf(hn::Half<decltype(tag)>(), x));
    };
    if constexpr (kVectors == 2) {
      return last(halves(FloatTag(), op(a.v[0], a.v[1])));
    } else {
      return last(halves(hn::Half<FloatTag>(), halves(FloatTag(), a.v[0])));
    }
  }
}
HWY_INLINE float sum(Lanes a) {
  return fold([](auto x, auto y) HWY_ATTR { return hn::Add(x, y); }, a);
}
HWY_INLINE float max(Lanes a) {
  return fold([](auto x, auto y) HWY_ATTR { return hn::Max(x, y); }, a);
}

// e^x within 2 units in the last place for x <= 88; 0 below -87.3, where results would be
// subnormal. Cody-Waite reduction and the polynomial of Cephes' expf.
HWY_INLINE Lanes exp(Lanes a) {
  return map(
      [](auto x) HWY_ATTR {
        const FloatTag tag;
        const IntTag ints;
        const auto lowest = hn::Set(tag, -87.3F);
        const auto underflow = hn::Lt(x, lowest);
        x = hn::IfThenElse(underflow, lowest, x);  // passes NaN on, as Max need not
        // Adding 1.5 * 2^23 rounds to an integer and leaves it in the lowest bits.
        const auto magic = hn::Set(tag, 12582912.0F);
        const auto shifted = hn::MulAdd(x, hn::Set(tag, 1.44269504F), magic);
        const auto n = hn::Sub(shifted, magic);
        auto r = hn::NegMulAdd(n, hn::Set(tag, 0.693359375F), x);
        r = hn::NegMulAdd(n, hn::Set(tag, -2.12194440e-4F), r);
        auto p = hn::Set(tag, 1.9875691500e-4F);
        p = hn::MulAdd(p, r, hn::Set(tag, 1.3981999507e-3F));
        p = hn::MulAdd(p, r, hn::Set(tag, 8.3334519073e-3F));
        p = hn::MulAdd(p, r, hn::Set(tag, 4.1665795894e-2F));
        p = hn::MulAdd(p, r, hn::Set(tag, 1.6666665459e-1F));
        p = hn::MulAdd(p, r, hn::Set(tag, 5.0000001201e-1F));
        p = hn::Add(hn::MulAdd(p, hn::Mul(r, r), r), hn::Set(tag, 1.0F));
        const auto exponent = hn::ShiftLeft<23>(hn::BitCast(ints, shifted));
        const auto result = hn::BitCast(tag, hn::Add(hn::BitCast(ints, p), exponent));
        return hn::IfThenZeroElse(underflow, result);
      },
      a);
}

// e^x within 2^-17 of itself for x <= 88, at least 2^-126: for what is rounded to bf16. 2^n 2^f
// with f in [-1/2, 1/2] and the minimax polynomial of degree 4.
HWY_INLINE Lanes coarse_exp(Lanes a) {
  return map(
      [](auto x) HWY_ATTR {
        const FloatTag tag;
        const IntTag ints;
        const auto lowest = hn::Set(tag, -87.3F);
        x = hn::IfThenElse(hn::Lt(x, lowest), lowest, x);  // passes NaN on, as Max need not
        const auto log2_e = hn::Set(tag, 1.44269504F);
        const auto magic = hn::Set(tag, 12582912.0F);  // as in exp
        const auto shifted = hn::MulAdd(x, log2_e, magic);
        const auto f = hn::MulSub(x, log2_e, hn::Sub(shifted, magic));
        auto p = hn::Set(tag, 9.56968329e-3F);
        p = hn::MulAdd(p, f, hn::Set(tag, 5.59182090e-2F));
        p = hn::MulAdd(p, f, hn::Set(tag, 2.40247655e-1F));
        p = hn::MulAdd(p, f, hn::Set(tag, 6.93121742e-1F));
        p = hn::MulAdd(p, f, hn::Set(tag, 9.99999238e-1F));
        const auto exponent = hn::ShiftLeft<23>(hn::BitCast(ints, shifted));
        return hn::BitCast(tag, hn::Add(hn::BitCast(ints, p), exponent));
      },
      a);
}

}  // namespace runner::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
