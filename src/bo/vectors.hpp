#pragma once

#include <cstddef>

namespace runner::bo {

// Loops over vectors of n elements, rounded up to a multiple of 8, under the rules of dense.hpp for
// their bits.

// y += a x
void axpy(double a, const double* x, std::size_t n, double* y);

// y += x * x, elementwise
void add_squares(const double* x, std::size_t n, double* y);

// The sums of x_j y_j and of w_j (a - x_j).
double dot(const double* x, const double* y, std::size_t n);
double dot_difference(const double* w, double a, const double* x, std::size_t n);

}  // namespace runner::bo
