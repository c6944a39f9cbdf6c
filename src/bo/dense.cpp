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

constexpr std::size_t kPanel = 8;   // rows that are finished together; Matrix is padded to it
constexpr std::size_t kBlock = 64;  // rows that stay in cache; a multiple of kPanel

// A tile of sums that fills half of the registers. Its shape does not touch the bits: the sequence
// of operations that leads to one element is the same in any.
constexpr std::size_t kTall = hn::MaxLanes(Vector()) == 8 ? 8 : 4, kWide = 2;

// A Rows x (Wide vectors) tile of A^T B, all of its sums held in registers; subtracted from C or,
// as a new C, stored.
enum class Into { subtracted, stored };
template <Into kInto, std::size_t Rows, std::size_t Wide>
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
      if constexpr (kInto == Into::subtracted) sum[i][v] = hn::Sub(hn::LoadU(d, out), sum[i][v]);
      hn::StoreU(sum[i][v], d, out);
    }
  }
}

// C -= A^T B or C = A^T B with A depth x rows, B depth x columns; rows and columns are multiples of
// 8. The panel of B stays in cache while all rows pass over it.
template <Into kInto>
void product(double* c, std::size_t ldc, const double* a, std::size_t lda, const double* b,
             std::size_t ldb, std::size_t rows, std::size_t columns, std::size_t depth) {
  const Vector d;
  const std::size_t width = hn::Lanes(d);
  std::size_t j = 0;
  for (; j + kWide * width <= columns; j += kWide * width) {
    for (std::size_t i = 0; i < rows; i += kTall) {
      tile<kInto, kTall, kWide>(c + i * ldc + j, ldc, a + i, lda, b + j, ldb, depth);
    }
  }
  for (; j < columns; j += width) {
    for (std::size_t i = 0; i < rows; i += kTall) {
      tile<kInto, kTall, 1>(c + i * ldc + j, ldc, a + i, lda, b + j, ldb, depth);
    }
  }
}

// Forward substitution of R^T X = B at one vector of columns from j on: the panel of rows from i
// on, which holds B, given the rows [from, i). All of it happens in registers.
HWY_INLINE void substitute(const Matrix& r, const double* inverse, std::size_t from, std::size_t i,
                           Matrix& x, std::size_t j) {
  const Vector d;
  Lanes row[kPanel];
  for (std::size_t p = 0; p < kPanel; ++p) row[p] = hn::LoadU(d, x.row(i + p) + j);
  for (std::size_t k = from; k < i; ++k) {
    const Lanes above = hn::LoadU(d, x.row(k) + j);
    const double* left = r.row(k) + i;
    for (std::size_t p = 0; p < kPanel; ++p) {
      row[p] = hn::Sub(row[p], hn::Mul(hn::Set(d, left[p]), above));
    }
  }
  for (std::size_t p = 0; p < kPanel; ++p) {
    row[p] = hn::Mul(row[p], hn::Set(d, inverse[p]));
    const double* left = r.row(i + p) + i;
    for (std::size_t q = p + 1; q < kPanel; ++q) {
      row[q] = hn::Sub(row[q], hn::Mul(hn::Set(d, left[q]), row[p]));
    }
  }
  for (std::size_t p = 0; p < kPanel; ++p) hn::StoreU(row[p], d, x.row(i + p) + j);
}

// The factor of the panel's own square in place, and 1 / its diagonal: 0 in the padding.
bool factorise_panel(Matrix& a, std::size_t begin, double* inverse) {
  const std::size_t rows = std::min(kPanel, a.rows() - begin);
  std::fill(inverse, inverse + kPanel, 0.0);
  for (std::size_t k = 0; k < rows; ++k) {
    double* row = a.row(begin + k) + begin;
    if (!(row[k] > 0.0) || !std::isfinite(row[k])) return false;
    inverse[k] = 1.0 / std::sqrt(row[k]);
    for (std::size_t j = k; j < kPanel; ++j) row[j] *= inverse[k];
    for (std::size_t i = k + 1; i < rows; ++i) {
      double* below = a.row(begin + i) + begin;
      for (std::size_t j = i; j < kPanel; ++j) below[j] -= row[i] * row[j];
    }
  }
  return true;
}

// Right-looking by blocks: one is finished panel by panel, then its product leaves the rows below.
bool cholesky(Matrix& a) {
  const std::size_t n = a.rows(), stride = a.stride(), width = padded(a.columns());
  const std::size_t lanes = hn::Lanes(Vector());
  double inverse[kPanel];
  for (std::size_t begin = 0; begin < n; begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, n);
    for (std::size_t i = begin; i < end; i += kPanel) {
      product<Into::subtracted>(a.row(i) + i, stride, a.row(begin) + i, stride, a.row(begin) + i,
                                stride, kPanel, kPanel, i - begin);
      if (!factorise_panel(a, i, inverse)) return false;
      for (std::size_t j = i + kPanel; j < width; j += lanes) {
        substitute(a, inverse, begin, i, a, j);
      }
    }
    for (std::size_t i = end; i < n; i += kBlock) {
      product<Into::subtracted>(a.row(i) + i, stride, a.row(begin) + i, stride, a.row(begin) + i,
                                stride, padded(std::min(kBlock, n - i)), width - i, end - begin);
    }
  }
  return true;
}

// Forward substitution of R^T W = I, in the same order; W(k, j) is 0 for k < j.
void inverse_transpose(const Matrix& r, Matrix& w) {
  const std::size_t n = r.rows(), lanes = hn::Lanes(Vector());
  double inverse[kPanel];
  for (std::size_t begin = 0; begin < n; begin += kBlock) {
    const std::size_t end = std::min(begin + kBlock, n);
    for (std::size_t i = begin; i < end; ++i) {
      std::fill(w.row(i), w.row(i) + padded(i + 1), 0.0);
      w(i, i) = 1.0;
    }
    product<Into::subtracted>(w.row(begin), w.stride(), r.row(0) + begin, r.stride(), w.row(0),
                              w.stride(), padded(end - begin), begin, begin);
    for (std::size_t i = begin; i < end; i += kPanel) {
      for (std::size_t p = 0; p < kPanel; ++p) inverse[p] = i + p < n ? 1.0 / r(i + p, i + p) : 0.0;
      for (std::size_t j = 0; j < i + kPanel; j += lanes) {
        substitute(r, inverse, std::max(begin, j / kPanel * kPanel), i, w, j);
      }
    }
  }
}

void gram_upper(const Matrix& w, Matrix& out) {
  const std::size_t n = w.rows();
  constexpr std::size_t kColumns = 16;
  for (std::size_t j = 0; j < n; j += kColumns) {
    const std::size_t columns = std::min(kColumns, padded(n) - j);
    product<Into::stored>(out.row(0) + j, out.stride(), w.row(j), w.stride(), w.row(j) + j,
                          w.stride(), j + columns, columns, n - j);
  }
}

// The sum of x[k] m(k, .) over the rows [from, to), at `Eights` times 8 columns from j on.
template <std::size_t Eights>
HWY_INLINE void weighted_rows(const Matrix& m, const double* x, std::size_t from, std::size_t to,
                              std::size_t j, double* out) {
  const Vector d;
  constexpr std::size_t width = hn::MaxLanes(Vector()), count = Eights * 8 / width;
  Lanes sum[count];
  for (std::size_t v = 0; v < count; ++v) sum[v] = hn::Zero(d);
  for (std::size_t k = from; k < to; ++k) {
    const Lanes factor = hn::Set(d, x[k]);
    const double* row = m.row(k) + j;
    for (std::size_t v = 0; v < count; ++v) {
      sum[v] = hn::Add(sum[v], hn::Mul(factor, hn::LoadU(d, row + v * width)));
    }
  }
  for (std::size_t v = 0; v < count; ++v) hn::StoreU(sum[v], d, out + j + v * width);
}

// out = M^T x for a triangular M, whose zeros outside its triangle are skipped by the chunk.
template <bool kUpper>
HWY_INLINE void transposed_times(const Matrix& m, const double* x, double* out) {
  const std::size_t n = m.rows();
  constexpr std::size_t kChunk = 32;
  for (std::size_t j = 0; j < n;) {
    const std::size_t from = kUpper ? 0 : j;
    if (j + kChunk <= padded(n)) {
      weighted_rows<4>(m, x, from, kUpper ? std::min(j + kChunk, n) : n, j, out);
      j += kChunk;
    } else {
      weighted_rows<1>(m, x, from, kUpper ? std::min(j + 8, n) : n, j, out);
      j += 8;
    }
  }
}

void lower_times_vector(const Matrix& transposed, const double* x, double* out) {
  transposed_times<true>(transposed, x, out);
}

void lower_transposed_times(const Matrix& w, const double* x, double* out) {
  transposed_times<false>(w, x, out);
}

void lower_times(const Matrix& transposed, const Matrix& b, Matrix& out) {
  const std::size_t n = transposed.rows(), columns = padded(b.columns());
  constexpr std::size_t kColumns = 16;
  for (std::size_t begin = 0; begin < n; begin += kBlock) {
    for (std::size_t j = 0; j < columns; j += kColumns) {
      for (std::size_t i = begin; i < std::min(begin + kBlock, n); i += kPanel) {
        product<Into::stored>(out.row(i) + j, out.stride(), transposed.row(0) + i,
                              transposed.stride(), b.row(0) + j, b.stride(), kPanel,
                              std::min(kColumns, columns - j), std::min(i + kPanel, n));
      }
    }
  }
}

}  // namespace runner::bo::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace runner::bo {

HWY_EXPORT(cholesky);
HWY_EXPORT(inverse_transpose);
HWY_EXPORT(gram_upper);
HWY_EXPORT(lower_times_vector);
HWY_EXPORT(lower_transposed_times);
HWY_EXPORT(lower_times);

// Rows of a multiple of 64 doubles would all fall into the same few cache sets.
void Matrix::resize(std::size_t rows, std::size_t columns) {
  if (rows == rows_ && columns == columns_) return;
  rows_ = rows;
  columns_ = columns;
  stride_ = padded(columns) + (columns > 0 && padded(columns) % 64 == 0 ? 8 : 0);
  values_.assign(padded(rows) * stride_, 0.0);
}

bool cholesky(Matrix& a) { return HWY_DYNAMIC_DISPATCH(cholesky)(a); }

void inverse_transpose(const Matrix& r, Matrix& w) {
  w.resize(r.rows(), r.rows());
  HWY_DYNAMIC_DISPATCH(inverse_transpose)(r, w);
}

void gram_upper(const Matrix& w, Matrix& out) {
  out.resize(w.rows(), w.rows());
  HWY_DYNAMIC_DISPATCH(gram_upper)(w, out);
}

Matrix transpose(const Matrix& a) {
  Matrix out(a.columns(), a.rows());
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < a.columns(); ++j) out(j, i) = a(i, j);
  }
  return out;
}

void lower_times(const Matrix& transposed, const double* x, double* out) {
  HWY_DYNAMIC_DISPATCH(lower_times_vector)(transposed, x, out);
}

void lower_transposed_times(const Matrix& w, const double* x, double* out) {
  HWY_DYNAMIC_DISPATCH(lower_transposed_times)(w, x, out);
}

void lower_times(const Matrix& transposed, const Matrix& b, Matrix& out) {
  out.resize(transposed.rows(), b.columns());
  HWY_DYNAMIC_DISPATCH(lower_times)(transposed, b, out);
}

}  // namespace runner::bo
#endif  // HWY_ONCE
