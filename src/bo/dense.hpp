#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace runner::bo {

// The dense algebra of one Gaussian process, without BLAS or LAPACK: in an executable that also
// holds LibTorch their names would be bound to whichever library came first. Every element of a
// result is computed by one fixed sequence of single additions and multiplications: no fused
// multiply-add, no sum across lanes. So the bits are the same in every binary, on every vector
// width (the loops pick the machine's widest at run time) and on any number of threads.

// Row-major; rows are padded to a multiple of 8 doubles, and the padding is zero.
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::size_t rows, std::size_t columns);

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

// Matérn-5/2 at unit output scale between every pair of points. `scaled` holds one feature per row
// and one point per column, already divided by the length scales.
//   value(i, j) = (1 + s + s^2 / 3) exp(-s),  s = sqrt(5) |x_i - x_j|      for j >= i
//   slope(i, j) = 5/3 (1 + s) exp(-s)                                      for j > i, else 0
// so that d value / d x_i = -slope (x_i - x_j). Rasmussen, Williams (2006), eq. 4.17.
// Entries of `value` below the diagonal are not meaningful.
void matern52_matrix(const Matrix& scaled, Matrix& value, Matrix& slope);

// The same between one point x (one value per feature) and every column of `scaled`. The outputs
// have padded(scaled.columns()) elements; those past the columns are not meaningful.
void matern52_row(std::span<const double> x, const Matrix& scaled, double* value, double* slope);

// Replaces the upper triangle of a symmetric positive definite A by R with R^T R = A; the strict
// lower triangle becomes meaningless. False when a pivot is not positive. O(n^3 / 3).
bool cholesky(Matrix& a);

// R^-T, lower triangular with zeros above the diagonal, from the R of `cholesky`. O(n^3 / 3).
Matrix inverse_transpose(const Matrix& r);

// The upper triangle of W^T W, with W lower triangular: (R^T R)^-1 from W = R^-T. O(n^3 / 3).
Matrix gram_upper(const Matrix& w);

Matrix transpose(const Matrix& a);

// W x and W^T x with W lower triangular; `transposed` is W^T. `out` has padded(n) elements.
void lower_times(const Matrix& transposed, const double* x, double* out);
void lower_transposed_times(const Matrix& w, const double* x, double* out);

// -W B with W lower triangular (`transposed` is W^T), B of W.columns() rows.
Matrix minus_lower_times(const Matrix& transposed, const Matrix& b);

// y += a x on n elements, rounded up to a multiple of 8.
void axpy(double a, const double* x, std::size_t n, double* y);

// y += x * x, elementwise, likewise.
void add_squares(const double* x, std::size_t n, double* y);

// sums[f] = sum over i < j of (a_i a_j - inverse(i, j)) slope(i, j) (scaled(f, i) - scaled(f,
// j))^2: what the gradient of the log likelihood by log length scale f needs (gp.cpp).
void lengthscale_sums(const double* a, const Matrix& inverse, const Matrix& slope,
                      const Matrix& scaled, double* sums);

}  // namespace runner::bo
