#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "bo/gp.hpp"
#include "bo/sobol.hpp"

namespace runner::bo {

// A smooth function at Sobol points; the second half of the features share one length scale.
inline Data smooth_data(arma::uword n, arma::uword features, arma::uword lengthscales) {
  Data data{.x = arma::mat(n, features),
            .groups = arma::uvec(features),
            .lengthscales = lengthscales,
            .y = arma::vec(n, arma::fill::zeros),
            .known_noise = arma::vec(n, arma::fill::value(arma::datum::nan))};
  for (arma::uword f = 0; f < features; ++f) data.groups(f) = std::min(f, lengthscales - 1);
  const Sobol sobol(features, 5);
  std::vector<double> u(features);
  for (arma::uword i = 0; i < n; ++i) {
    sobol.point(static_cast<std::uint32_t>(i), u);
    for (arma::uword f = 0; f < features; ++f) {
      data.x(i, f) = u[f];
      data.y(i) += std::sin(3.0 * u[f] + static_cast<double>(f));
    }
  }
  return data;
}

inline Hyperparameters moderate(arma::uword lengthscales) {
  return {0.5 + 0.2 * arma::regspace(0.0, static_cast<double>(lengthscales) - 1.0), 1.3, 1e-3, 0.2};
}

inline double relative(double a, double b) { return std::abs(a - b) / std::max(1.0, std::abs(b)); }

}  // namespace runner::bo
