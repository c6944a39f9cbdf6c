#pragma once

#include <armadillo>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "bo/encoding.hpp"

namespace runner::bo {

// What is maximised over the space: a function of the features.
struct AcquisitionSurface {
  // Its value at one point, and its gradient at the point where that was asked last.
  std::function<double(const arma::vec& x)> at;
  std::function<arma::vec()> gradient;
  // Its values at the rows of x (candidates x features).
  std::function<arma::vec(const arma::mat& x)> over;
};

struct Found {
  Point x;
  arma::vec features;
  double value = 0.0;
};

// The best point found that is none of `avoid` (features); empty when every candidate is. `anchors`
// are points around which it looks as well, best first. Many candidates are compared (all points of
// a small finite space), the best few climb along the gradient and across integers and choices.
std::optional<Found> maximise(const Encoding& encoding, const AcquisitionSurface& surface,
                              std::span<const Point> anchors, std::span<const arma::vec> avoid,
                              std::uint64_t seed);

// Whether x equals one of `points`, to rounding.
bool contains(std::span<const arma::vec> points, const arma::vec& x);

}  // namespace runner::bo
