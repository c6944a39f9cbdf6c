#include "bo/matern.hpp"

namespace runner::bo {

Matern52::Matern52(const arma::mat& a, const arma::mat& b)
    : value(a.n_rows, b.n_rows, arma::fill::none), slope(a.n_rows, b.n_rows, arma::fill::none) {
  for (arma::uword j = 0; j < b.n_rows; ++j) fill(a, b.row(j), 0, j);
}

Matern52::Matern52(const arma::mat& a)
    : value(a.n_rows, a.n_rows, arma::fill::none), slope(a.n_rows, a.n_rows, arma::fill::none) {
  for (arma::uword j = 0; j < a.n_rows; ++j) fill(a, a.row(j), j, j);
  value = arma::symmatl(value);
  slope = arma::symmatl(slope);
}

void Matern52::fill(const arma::mat& a, const arma::rowvec& b, arma::uword first, arma::uword j) {
  const arma::uword rows = a.n_rows - first;
  // Differences, feature by feature: |a|^2 + |b|^2 - 2 a'b would lose those of near points.
  arma::vec squared(rows, arma::fill::zeros);
  for (arma::uword f = 0; f < a.n_cols; ++f) {
    squared += arma::square(a.col(f).tail(rows) - b(f));
  }
  const arma::vec s = arma::sqrt(5.0 * squared);
  const arma::vec e = arma::exp(-s);
  value.col(j).tail(rows) = (1.0 + s + arma::square(s) / 3.0) % e;
  slope.col(j).tail(rows) = (5.0 / 3.0) * (1.0 + s) % e;
}

}  // namespace runner::bo
