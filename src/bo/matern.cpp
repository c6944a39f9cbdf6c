#include "bo/matern.hpp"

#include <algorithm>
#include <array>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bo/matern.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Included once per instruction set, as dense.cpp is.
HWY_BEFORE_NAMESPACE();
namespace runner::bo::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Vector = hn::CappedTag<double, 8>;
using Lanes = hn::Vec<Vector>;

// exp(x) for x <= 0, relative error below 3e-16: exp(x) = 2^k exp(r), |r| <= ln(2)/2, with ln(2) in
// two parts (Cody, Waite 1980) and the Taylor series, whose 14th term is below 4e-18. Even and odd
// powers are summed apart: two short chains take half the time of a long one.
HWY_INLINE Lanes exp_negative(Vector d, Lanes x) {
  x = hn::Max(x, hn::Set(d, -708.0));
  // Beside 1.5 2^52 the last bit of a double counts ones: the sum is rounded to k + 1023, and its
  // last bits are the exponent of 2^k.
  const Lanes shifter = hn::Set(d, 0x1.8p52 + 1023.0);
  const Lanes shifted = hn::Add(hn::Mul(x, hn::Set(d, 1.4426950408889634)), shifter);
  const Lanes k = hn::Sub(shifted, shifter);
  Lanes r = hn::Sub(x, hn::Mul(k, hn::Set(d, 6.93147180369123816490e-01)));
  r = hn::Sub(r, hn::Mul(k, hn::Set(d, 1.90821492927058770002e-10)));
  const Lanes square = hn::Mul(r, r);
  constexpr std::array<double, 5> even_factorials = {1.0 / 3628800, 1.0 / 40320, 1.0 / 720,
                                                     1.0 / 24, 0.5};
  constexpr std::array<double, 6> odd_factorials = {1.0 / 39916800, 1.0 / 362880, 1.0 / 5040,
                                                    1.0 / 120,      1.0 / 6,      1.0};
  Lanes even = hn::Set(d, 1.0 / 479001600), odd = hn::Set(d, 1.0 / 6227020800);
  for (const double c : even_factorials) even = hn::Add(hn::Mul(even, square), hn::Set(d, c));
  for (const double c : odd_factorials) odd = hn::Add(hn::Mul(odd, square), hn::Set(d, c));
  // 1 + (r odd + r^2 even): the parts are small beside the 1.
  const Lanes rest = hn::Add(hn::Mul(odd, r), hn::Mul(even, square));
  const Lanes sum = hn::Add(hn::Set(d, 1.0), rest);
  const hn::RebindToUnsigned<Vector> bits;
  return hn::Mul(sum, hn::BitCast(d, hn::ShiftLeft<52>(hn::BitCast(bits, shifted))));
}

// value and slope of matern52_matrix from |x - x'|^2.
HWY_INLINE void matern52(Vector d, Lanes squared, Lanes& value, Lanes& slope) {
  const Lanes one = hn::Set(d, 1.0);
  const Lanes s = hn::Sqrt(hn::Mul(squared, hn::Set(d, 5.0)));
  const Lanes e = exp_negative(d, hn::Neg(s));
  const Lanes linear = hn::Add(one, s);
  const Lanes third = hn::Mul(hn::Mul(s, s), hn::Set(d, 1.0 / 3.0));
  value = hn::Mul(hn::Add(linear, third), e);
  slope = hn::Mul(hn::Mul(linear, hn::Set(d, 5.0 / 3.0)), e);
}

void matern52_row(const double* x, std::size_t x_stride, const Matrix& scaled, std::size_t begin,
                  double outputscale, double* value, double* slope) {
  const Vector d;
  for (std::size_t j = begin; j < scaled.columns(); j += hn::Lanes(d)) {
    Lanes squared = hn::Zero(d);
    for (std::size_t f = 0; f < scaled.rows(); ++f) {
      const Lanes difference =
          hn::Sub(hn::Set(d, x[f * x_stride]), hn::LoadU(d, scaled.row(f) + j));
      squared = hn::Add(squared, hn::Mul(difference, difference));
    }
    Lanes v, s;
    matern52(d, squared, v, s);
    hn::StoreU(hn::Mul(v, hn::Set(d, outputscale)), d, value + j);
    hn::StoreU(s, d, slope + j);
  }
}

void matern52_matrix(const Matrix& scaled, double outputscale, Matrix& value, Matrix& slope) {
  const std::size_t n = scaled.columns();
  const std::size_t first = scaled.rows() > 0 ? scaled.stride() : 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t begin = i / 8 * 8;
    matern52_row(first > 0 ? scaled.row(0) + i : nullptr, first, scaled, begin, outputscale,
                 value.row(i), slope.row(i));
    std::fill(slope.row(i) + begin, slope.row(i) + i + 1, 0.0);
    std::fill(slope.row(i) + n, slope.row(i) + slope.stride(), 0.0);
    std::fill(value.row(i) + n, value.row(i) + value.stride(), 0.0);
  }
}

// The columns' shares of the sums of `Features` rows from `first` on; a block of points stays in
// cache while all columns pass over it.
template <std::size_t Features>
HWY_INLINE void column_sums(const double* a, const Matrix& inverse, const Matrix& slope,
                            const Matrix& scaled, std::size_t first, Matrix& columns) {
  constexpr std::size_t kPoints = 64;
  const Vector d;
  const std::size_t n = slope.rows(), width = hn::Lanes(d);
  for (std::size_t begin = 0; begin < n; begin += kPoints) {
    for (std::size_t j = begin; j < n; j += width) {
      Lanes x[Features], sum[Features];
      for (std::size_t f = 0; f < Features; ++f) {
        x[f] = hn::LoadU(d, scaled.row(first + f) + j);
        sum[f] = hn::LoadU(d, columns.row(first + f) + j);
      }
      const Lanes aj = hn::LoadU(d, a + j);
      const std::size_t end = std::min({begin + kPoints, j + width, n});
      for (std::size_t i = begin; i < end; ++i) {
        const Lanes weight =
            hn::Mul(hn::Sub(hn::Mul(hn::Set(d, a[i]), aj), hn::LoadU(d, inverse.row(i) + j)),
                    hn::LoadU(d, slope.row(i) + j));
        for (std::size_t f = 0; f < Features; ++f) {
          const Lanes difference = hn::Sub(hn::Set(d, scaled(first + f, i)), x[f]);
          sum[f] = hn::Add(sum[f], hn::Mul(weight, hn::Mul(difference, difference)));
        }
      }
      for (std::size_t f = 0; f < Features; ++f) {
        hn::StoreU(sum[f], d, columns.row(first + f) + j);
      }
    }
  }
}

void lengthscale_sums(const double* a, const Matrix& inverse, const Matrix& slope,
                      const Matrix& scaled, Matrix& columns) {
  std::size_t f = 0;
  for (; f + 4 <= scaled.rows(); f += 4) column_sums<4>(a, inverse, slope, scaled, f, columns);
  for (; f + 2 <= scaled.rows(); f += 2) column_sums<2>(a, inverse, slope, scaled, f, columns);
  if (f < scaled.rows()) column_sums<1>(a, inverse, slope, scaled, f, columns);
}

}  // namespace runner::bo::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace runner::bo {

HWY_EXPORT(matern52_matrix);
HWY_EXPORT(matern52_row);
HWY_EXPORT(lengthscale_sums);

void matern52_matrix(const Matrix& scaled, double outputscale, Matrix& value, Matrix& slope) {
  HWY_DYNAMIC_DISPATCH(matern52_matrix)(scaled, outputscale, value, slope);
}

void matern52_row(std::span<const double> x, const Matrix& scaled, double* value, double* slope) {
  HWY_DYNAMIC_DISPATCH(matern52_row)(x.data(), 1, scaled, 0, 1.0, value, slope);
}

void lengthscale_sums(const double* a, const Matrix& inverse, const Matrix& slope,
                      const Matrix& scaled, double* sums) {
  Matrix columns(scaled.rows(), scaled.columns());
  HWY_DYNAMIC_DISPATCH(lengthscale_sums)(a, inverse, slope, scaled, columns);
  for (std::size_t f = 0; f < scaled.rows(); ++f) {
    sums[f] = 0.0;
    for (std::size_t j = 0; j < scaled.columns(); ++j) sums[f] += columns(f, j);
  }
}

}  // namespace runner::bo
#endif  // HWY_ONCE
