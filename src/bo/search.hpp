#pragma once

#include <armadillo>
#include <cstdint>
#include <optional>
#include <span>

#include "bo/encoding.hpp"
#include "bo/surface.hpp"

namespace runner::bo {

struct Found {
  Point x;
  arma::vec features;
  double value = 0.0;
};

// The best point found that is none of `avoid` (features); empty when every candidate is. `anchors`
// are points around which it looks as well, best first. Many candidates are compared (all points of
// a small finite space), the best few climb along the gradient and across integers and choices.
std::optional<Found> maximise(const Encoding& encoding, AcquisitionSurface& surface,
                              std::span<const Point> anchors, std::span<const arma::vec> avoid,
                              std::uint64_t seed);

// Whether no feature of x differs by more than `distance` from one of `points`: by default, whether
// it equals one to rounding.
bool contains(std::span<const arma::vec> points, const arma::vec& x, double distance = 1e-7);

}  // namespace runner::bo
