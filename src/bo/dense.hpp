#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace runner::bo {

// The dense algebra of one Gaussian process, without BLAS or LAPACK: in an executable that also
// holds LibTorch their names would be bound to whichever library came first. Every element of a
// result is computed by one fixed sequence of single additions and multiplications: no fused
// multiply-add, and a sum across lanes is always one of eight running sums. So the bits are the
// same in every binary, on every vector width (the loops pick the machine's widest at run time) and
// on any number of threads.

// Row-major; rows and columns are padded to a multiple of 8, and the padding is zero.
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::size_t rows, std::size_t columns) { resize(rows, columns); }

  // To zeros of another size; as it is where the size stays.
  void resize(std::size_t rows, std::size_t columns);

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  std::size_t stride() const { return stride_; }
  double& operator()(std::size_t i, std::size_t j) { return values_[i * stride_ + j]; }
  double operator()(std::size_t i, std::size_t j) const { return values_[i * stride_ + j]; }
  double* row(std::size_t i) { return values_.data() + i * stride_; }
  const double* row(std::size_t i) const { return values_.data() + i * stride_; }

 private:
  std::size_t rows_ = 0, columns_ = 0, stride_ = 0;
  std::vector<double> values_;
};

// The smallest multiple of 8 that is not below n.
constexpr std::size_t padded(std::size_t n) { return (n + 7) / 8 * 8; }

// What is written to, `w` and `out` below, keeps its memory where it has the size already.

// Replaces the upper triangle of a symmetric positive definite A by R with R^T R = A; the strict
// lower triangle becomes meaningless. Columns of `a` from padded(rows) on are right-hand sides B,
// replaced by R^-T B. False when a pivot is not positive. O(n^3 / 3).
bool cholesky(Matrix& a);

// R^-T, lower triangular with zeros above the diagonal, from the R of `cholesky`. O(n^3 / 3).
void inverse_transpose(const Matrix& r, Matrix& w);

// The upper triangle of W^T W, with W lower triangular: (R^T R)^-1 from W = R^-T; what is below it
// is finite and not meaningful. O(n^3 / 3).
void gram_upper(const Matrix& w, Matrix& out);

Matrix transpose(const Matrix& a);

// W x and W^T x with W lower triangular; `transposed` is W^T. `out` has padded(n) elements.
void lower_times(const Matrix& transposed, const double* x, double* out);
void lower_transposed_times(const Matrix& w, const double* x, double* out);

// W B with W lower triangular (`transposed` is W^T), B of W.columns() rows.
void lower_times(const Matrix& transposed, const Matrix& b, Matrix& out);

}  // namespace runner::bo
