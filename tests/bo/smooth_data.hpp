#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "bo/gp.hpp"
#include "bo/sobol.hpp"

namespace runner::bo {

// A smooth function at Sobol points; the second half of the features share one length scale.
inline Data smooth_data(std::size_t n, std::size_t features, std::size_t lengthscales) {
  Data data{Matrix(features, n), {}, lengthscales, {}, {}};
  for (std::size_t f = 0; f < features; ++f) data.groups.push_back(std::min(f, lengthscales - 1));
  const Sobol sobol(features, 5);
  std::vector<double> u(features);
  for (std::size_t j = 0; j < n; ++j) {
    sobol.point(static_cast<std::uint32_t>(j), u);
    double y = 0.0;
    for (std::size_t f = 0; f < features; ++f) {
      data.x(f, j) = u[f];
      y += std::sin(3.0 * u[f] + static_cast<double>(f));
    }
    data.y.push_back(y);
  }
  return data;
}

inline Hyperparameters moderate(std::size_t lengthscales) {
  Hyperparameters h{{}, 1.3, 1e-3, 0.2};
  for (std::size_t k = 0; k < lengthscales; ++k) {
    h.lengthscales.push_back(0.5 + 0.2 * static_cast<double>(k));
  }
  return h;
}

inline double relative(double a, double b) { return std::abs(a - b) / std::max(1.0, std::abs(b)); }

}  // namespace runner::bo
