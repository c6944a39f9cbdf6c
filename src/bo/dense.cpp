#include "bo/dense.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bo/dense.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Included once per instruction set. Vectors have at most 8 doubles and all buffers are padded to
// 8, so no loop has a tail.
HWY_BEFORE_NAMESPACE();
namespace runner::bo::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Vector = hn::CappedTag<double, 8>;
using Lanes = hn::Vec<Vector>;

constexpr std::size_t kBlock = 32;  // rows of a block of the factorisations; a multiple of 8

// exp(x) for x <= 0, relative error below 2e-16: exp(x) = 2^k exp(r), |r| <= ln(2)/2, with ln(2) in
// two parts (Cody, Waite 1980) and the Taylor series, whose 14th term is below 4e-18.
HWY_INLINE Lanes exp_negative(Vector d, Lanes x) {
  x = hn::Max(x, hn::Set(d, -708.0));
  const Lanes k = hn::Round(hn::Mul(x, hn::Set(d, 1.4426950408889634)));
  Lanes r = hn::Sub(x, hn::Mul(k, hn::Set(d, 6.93147180369123816490e-01)));
  r = hn::Sub(r, hn::Mul(k, hn::Set(d, 1.90821492927058770002e-10)));
  constexpr std::array<double, 12> inverse_factorials = {
      1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
      1.0 / 720,       1.0 / 120,      1.0 / 24,      1.0 / 6,      0.5,         1.0};
  Lanes sum = hn::Set(d, 1.0 / 6227020800);
  for (const double c : inverse_factorials) sum = hn::Add(hn::Mul(sum, r), hn::Set(d, c));
  sum = hn::Add(hn::Mul(sum, r), hn::Set(d, 1.0));
  const hn::RebindToSigned<Vector> di;
  const auto exponent = hn::ShiftLeft<52>(hn::Add(hn::ConvertTo(di, k), hn::Set(di, 1023)));
  return hn::Mul(sum, hn::BitCast(d, exponent));
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

void MaternRow(const double* x, std::size_t x_stride, const Matrix& scaled, std::size_t begin,
               double* value, double* slope) {
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
    hn::StoreU(v, d, value + j);
    hn::StoreU(s, d, slope + j);
  }
}

void MaternMatrix(const Matrix& scaled, Matrix& value, Matrix& slope) {
  const std::size_t n = scaled.columns();
  const std::size_t first = scaled.rows() > 0 ? scaled.stride() : 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t begin = i / 8 * 8;
    MaternRow(first > 0 ? scaled.row(0) + i : nullptr, first, scaled, begin, value.row(i),
              slope.row(i));
    std::fill(slope.row(i) + begin, slope.row(i) + i + 1, 0.0);
    std::fill(slope.row(i) + n, slope.row(i) + slope.stride(), 0.0);
    std::fill(value.row(i) + n, value.row(i) + value.stride(), 0.0);
  }
}

void Axpy(double a, const double* HWY_RESTRICT x, std::size_t n, double* HWY_RESTRICT y) {
  const Vector d;
  const Lanes factor = hn::Set(d, a);
  for (std::size_t j = 0; j < n; j += hn::Lanes(d)) {
    hn::StoreU(hn::Add(hn::LoadU(d, y + j), hn::Mul(factor, hn::LoadU(d, x + j))), d, y + j);
  }
}

void AddSquares(const double* HWY_RESTRICT x, std::size_t n, double* HWY_RESTRICT y) {
  const Vector d;
  for (std::size_t j = 0; j < n; j += hn::Lanes(d)) {
    const Lanes v = hn::LoadU(d, x + j);
    hn::StoreU(hn::Add(hn::LoadU(d, y + j), hn::Mul(v, v)), d, y + j);
  }
}

// A Rows x (Wide vectors) tile of C -= A^T B, all of its sums held in registers.
template <std::size_t Rows, std::size_t Wide>
HWY_INLINE void tile(double* HWY_RESTRICT c, std::size_t ldc, const double* HWY_RESTRICT a,
                     std::size_t lda, const double* HWY_RESTRICT b, std::size_t ldb,
                     std::size_t depth) {
  const Vector d;
  const std::size_t width = hn::Lanes(d);
  Lanes sum[Rows][Wide];
  for (std::size_t i = 0; i < Rows; ++i) {
    for (std::size_t v = 0; v < Wide; ++v) sum[i][v] = hn::Zero(d);
  }
  for (std::size_t k = 0; k < depth; ++k) {
    Lanes right[Wide];
    for (std::size_t v = 0; v < Wide; ++v) right[v] = hn::LoadU(d, b + k * ldb + v * width);
    for (std::size_t i = 0; i < Rows; ++i) {
      const Lanes left = hn::Set(d, a[k * lda + i]);
      for (std::size_t v = 0; v < Wide; ++v) {
        sum[i][v] = hn::Add(sum[i][v], hn::Mul(left, right[v]));
      }
    }
  }
  for (std::size_t i = 0; i < Rows; ++i) {
    for (std::size_t v = 0; v < Wide; ++v) {
      double* out = c + i * ldc + v * width;
      hn::StoreU(hn::Sub(hn::LoadU(d, out), sum[i][v]), d, out);
    }
  }
}

template <std::size_t Wide>
HWY_INLINE void column_of_tiles(double* c, std::size_t ldc, const double* a, std::size_t lda,
                                const double* b, std::size_t ldb, std::size_t rows,
                                std::size_t depth) {
  std::size_t i = 0;
  for (; i + 4 <= rows; i += 4) tile<4, Wide>(c + i * ldc, ldc, a + i, lda, b, ldb, depth);
  for (; i < rows; ++i) tile<1, Wide>(c + i * ldc, ldc, a + i, lda, b, ldb, depth);
}

// C -= A^T B with A depth x rows, B depth x columns; columns is a multiple of 8. The panel of B
// stays in cache while all rows pass over it.
void subtract_product(double* c, std::size_t ldc, const double* a, std::size_t lda, const double* b,
                      std::size_t ldb, std::size_t rows, std::size_t columns, std::size_t depth) {
  const Vector d;
  const std::size_t width = hn::Lanes(d);
  std::size_t j = 0;
  for (; j + 2 * width <= columns; j += 2 * width) {
    column_of_tiles<2>(c + j, ldc, a, lda, b + j, ldb, rows, depth);
  }
  for (; j < columns; j += width) {
    column_of_tiles<1>(c + j, ldc, a, lda, b + j, ldb, rows, depth);
  }
}

// Right-looking: a block of rows is finished, then its product leaves the rows below.
bool Cholesky(Matrix& a) {
  const std::size_t n = a.rows(), stride = a.stride(), width = padded(n);
  for (std::size_t begin = 0; begin < n; begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, n);
    for (std::size_t k = begin; k < end; ++k) {
      const double pivot = a(k, k);
      if (!(pivot > 0.0) || !std::isfinite(pivot)) return false;
      const double inverse = 1.0 / std::sqrt(pivot);
      for (std::size_t j = k; j < width; ++j) a(k, j) *= inverse;
      for (std::size_t i = k + 1; i < end; ++i) {
        const std::size_t from = i / 8 * 8;
        Axpy(-a(k, i), a.row(k) + from, width - from, a.row(i) + from);
      }
    }
    for (std::size_t i = end; i < n; i += kBlock) {
      subtract_product(a.row(i) + i, stride, a.row(begin) + i, stride, a.row(begin) + i, stride,
                       std::min(kBlock, n - i), width - i, end - begin);
    }
  }
  return true;
}

// Forward substitution of R^T W = I by rows.
void InverseTranspose(const Matrix& r, Matrix& w) {
  const std::size_t n = r.rows();
  for (std::size_t begin = 0; begin < n; begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, n);
    for (std::size_t i = begin; i < end; ++i) w(i, i) = 1.0;
    subtract_product(w.row(begin), w.stride(), r.row(0) + begin, r.stride(), w.row(0), w.stride(),
                     end - begin, begin, begin);
    for (std::size_t i = begin; i < end; ++i) {
      for (std::size_t k = begin; k < i; ++k) Axpy(-r(k, i), w.row(k), k + 1, w.row(i));
      const double inverse = 1.0 / r(i, i);
      for (std::size_t j = 0; j <= i; ++j) w(i, j) *= inverse;
    }
  }
}

void GramUpper(const Matrix& w, Matrix& out) {
  const std::size_t n = w.rows();
  for (std::size_t i = 0; i < n; i += kBlock) {
    for (std::size_t j = i; j < n; j += kBlock) {
      const std::size_t columns = std::min(kBlock, padded(n) - j);
      subtract_product(out.row(i) + j, out.stride(), w.row(j) + i, w.stride(), w.row(j) + j,
                       w.stride(), std::min(kBlock, n - i), columns, n - j);
    }
    for (std::size_t row = i; row < std::min(i + kBlock, n); ++row) {
      for (std::size_t j = row; j < n; ++j) out(row, j) = -out(row, j);
    }
  }
}

void LowerTimes(const Matrix& transposed, const double* x, double* out) {
  const std::size_t n = transposed.rows();
  std::fill(out, out + padded(n), 0.0);
  for (std::size_t j = 0; j < n; ++j) {
    const std::size_t from = j / 8 * 8;
    Axpy(x[j], transposed.row(j) + from, n - from, out + from);
  }
}

void LowerTransposedTimes(const Matrix& w, const double* x, double* out) {
  const std::size_t n = w.rows();
  std::fill(out, out + padded(n), 0.0);
  for (std::size_t i = 0; i < n; ++i) Axpy(x[i], w.row(i), i + 1, out);
}

void MinusLowerTimes(const Matrix& transposed, const Matrix& b, Matrix& out) {
  const std::size_t n = transposed.rows();
  for (std::size_t i = 0; i < n; i += kBlock) {
    const std::size_t end = std::min(i + kBlock, n);
    subtract_product(out.row(i), out.stride(), transposed.row(0) + i, transposed.stride(), b.row(0),
                     b.stride(), end - i, padded(b.columns()), end);
  }
}

void LengthscaleSums(const double* a, const Matrix& inverse, const Matrix& slope,
                     const Matrix& scaled, Matrix& columns) {
  const Vector d;
  const std::size_t n = slope.rows();
  for (std::size_t i = 0; i < n; ++i) {
    const Lanes ai = hn::Set(d, a[i]);
    for (std::size_t j = i / 8 * 8; j < n; j += hn::Lanes(d)) {
      const Lanes weight =
          hn::Mul(hn::Sub(hn::Mul(ai, hn::LoadU(d, a + j)), hn::LoadU(d, inverse.row(i) + j)),
                  hn::LoadU(d, slope.row(i) + j));
      for (std::size_t f = 0; f < scaled.rows(); ++f) {
        const double* x = scaled.row(f);
        const Lanes difference = hn::Sub(hn::Set(d, x[i]), hn::LoadU(d, x + j));
        double* sum = columns.row(f) + j;
        hn::StoreU(hn::Add(hn::LoadU(d, sum), hn::Mul(weight, hn::Mul(difference, difference))), d,
                   sum);
      }
    }
  }
}

}  // namespace runner::bo::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace runner::bo {

HWY_EXPORT(MaternMatrix);
HWY_EXPORT(MaternRow);
HWY_EXPORT(Axpy);
HWY_EXPORT(AddSquares);
HWY_EXPORT(Cholesky);
HWY_EXPORT(InverseTranspose);
HWY_EXPORT(GramUpper);
HWY_EXPORT(LowerTimes);
HWY_EXPORT(LowerTransposedTimes);
HWY_EXPORT(MinusLowerTimes);
HWY_EXPORT(LengthscaleSums);

// Rows of a multiple of 64 doubles would all fall into the same few cache sets.
Matrix::Matrix(std::size_t rows, std::size_t columns)
    : rows_(rows),
      columns_(columns),
      stride_(padded(columns) + (columns > 0 && padded(columns) % 64 == 0 ? 8 : 0)),
      values_(rows * stride_) {}

void matern52_matrix(const Matrix& scaled, Matrix& value, Matrix& slope) {
  HWY_DYNAMIC_DISPATCH(MaternMatrix)(scaled, value, slope);
}

void matern52_row(std::span<const double> x, const Matrix& scaled, double* value, double* slope) {
  HWY_DYNAMIC_DISPATCH(MaternRow)(x.data(), 1, scaled, 0, value, slope);
}

bool cholesky(Matrix& a) { return HWY_DYNAMIC_DISPATCH(Cholesky)(a); }

Matrix inverse_transpose(const Matrix& r) {
  Matrix w(r.rows(), r.rows());
  HWY_DYNAMIC_DISPATCH(InverseTranspose)(r, w);
  return w;
}

Matrix gram_upper(const Matrix& w) {
  Matrix out(w.rows(), w.rows());
  HWY_DYNAMIC_DISPATCH(GramUpper)(w, out);
  return out;
}

Matrix transpose(const Matrix& a) {
  Matrix out(a.columns(), a.rows());
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < a.columns(); ++j) out(j, i) = a(i, j);
  }
  return out;
}

void lower_times(const Matrix& transposed, const double* x, double* out) {
  HWY_DYNAMIC_DISPATCH(LowerTimes)(transposed, x, out);
}

void lower_transposed_times(const Matrix& w, const double* x, double* out) {
  HWY_DYNAMIC_DISPATCH(LowerTransposedTimes)(w, x, out);
}

Matrix minus_lower_times(const Matrix& transposed, const Matrix& b) {
  Matrix out(transposed.rows(), b.columns());
  HWY_DYNAMIC_DISPATCH(MinusLowerTimes)(transposed, b, out);
  return out;
}

void axpy(double a, const double* x, std::size_t n, double* y) {
  HWY_DYNAMIC_DISPATCH(Axpy)(a, x, n, y);
}

void add_squares(const double* x, std::size_t n, double* y) {
  HWY_DYNAMIC_DISPATCH(AddSquares)(x, n, y);
}

void lengthscale_sums(const double* a, const Matrix& inverse, const Matrix& slope,
                      const Matrix& scaled, double* sums) {
  Matrix columns(scaled.rows(), scaled.columns());
  HWY_DYNAMIC_DISPATCH(LengthscaleSums)(a, inverse, slope, scaled, columns);
  for (std::size_t f = 0; f < scaled.rows(); ++f) {
    sums[f] = 0.0;
    for (std::size_t j = 0; j < scaled.columns(); ++j) sums[f] += columns(f, j);
  }
}

}  // namespace runner::bo
#endif  // HWY_ONCE
