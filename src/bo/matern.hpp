#pragma once

#include <span>

#include "bo/dense.hpp"

namespace runner::bo {

// The loops over pairs of points, under the rules of dense.hpp for their bits.

// Matérn-5/2 between every pair of points. `scaled` holds one feature per row and one point per
// column, already divided by the length scales.
//   value(i, j) = outputscale (1 + s + s^2 / 3) exp(-s),  s = sqrt(5) |x_i - x_j|   for j >= i
//   slope(i, j) = 5/3 (1 + s) exp(-s)                                               for j > i, else
//   0
// so that d value / d x_i = -outputscale slope (x_i - x_j). Rasmussen, Williams (2006), eq. 4.17.
// Entries of `value` below the diagonal are not meaningful; columns past the points are zero.
void matern52_matrix(const Matrix& scaled, double outputscale, Matrix& value, Matrix& slope);

// The same at unit output scale between one point x (one value per feature) and every column of
// `scaled`. The outputs have padded(scaled.columns()) elements; those past the columns are not
// meaningful.
void matern52_row(std::span<const double> x, const Matrix& scaled, double* value, double* slope);

// sums[f] = sum over i < j of (a_i a_j - inverse(i, j)) slope(i, j) (scaled(f, i) - scaled(f,
// j))^2: what the gradient of the log likelihood by log length scale f needs (gp.cpp).
void lengthscale_sums(const double* a, const Matrix& inverse, const Matrix& slope,
                      const Matrix& scaled, double* sums);

}  // namespace runner::bo
