#include "bo/simplex.hpp"

namespace runner::bo {

arma::vec project_to_simplex(const arma::vec& v) {
  if (v.empty()) return v;
  const arma::vec mu = arma::sort(v, "descend");
  const arma::vec theta =
      (arma::cumsum(mu) - 1.0) / arma::regspace(1.0, static_cast<double>(v.n_elem));
  const arma::uvec above = arma::find(mu > theta, 1, "last");  // rho
  return arma::clamp(v - theta(above.empty() ? 0 : above(0)), 0.0, arma::datum::inf);
}

arma::vec dirichlet_from_uniform(const arma::vec& u) {
  const arma::vec spacing = -arma::log1p(-arma::clamp(u, 0.0, 1.0 - 0x1.0p-53));
  const double sum = arma::accu(spacing);
  if (sum > 0.0) return spacing / sum;
  return arma::vec(u.n_elem, arma::fill::value(1.0 / static_cast<double>(u.n_elem)));
}

}  // namespace runner::bo
