#pragma once

#include <armadillo>

namespace runner::bo {

// The Matérn-5/2 kernel at unit output scale between the rows of `a` and the rows of `b`, which are
// points already divided by the length scales. Of r = |a_i - b_j| and s = sqrt(5) r:
//   value(i, j) = (1 + s + s^2 / 3) exp(-s)            Rasmussen, Williams (2006), eq. 4.17
//   slope(i, j) = 5/3 (1 + s) exp(-s),   so that   d value / d a_i = -slope (a_i - b_j)
struct Matern52 {
  arma::mat value, slope;

  Matern52(const arma::mat& a, const arma::mat& b);
  // Between all pairs of rows of `a`, in half the time.
  explicit Matern52(const arma::mat& a);

 private:
  // Column j from its element `first` on: between the rows of `a` from there and the point b.
  void fill(const arma::mat& a, const arma::rowvec& b, arma::uword first, arma::uword j);
};

}  // namespace runner::bo
