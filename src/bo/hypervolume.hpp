#pragma once

#include <array>
#include <span>
#include <vector>

#include "bo/acquisition.hpp"

namespace runner::bo {

// Two objectives, both minimised.
using Outcome = std::array<double, 2>;

// The outcomes that no other dominates, by the first objective ascending, each value once.
std::vector<Outcome> pareto_front(std::vector<Outcome> outcomes);

// The worst of the front, a tenth of its range further: Ishibuchi, Imada, Setoguchi, Nojima (2018),
// "How to specify a reference point in hypervolume calculation".
Outcome reference_point(std::span<const Outcome> front);

// The expected increase of the hypervolume by one evaluation with independent normal predictions,
// exact. With the front a_1 < ... < a_m, b_1 > ... > b_m, a_0 = -infinity, (a_{m+1}, b_0) the
// reference, and psi_k(c) = E[max(c - y_k, 0)] = sd_k h((c - mean_k) / sd_k):
//   EHVI = sum_{i=0}^{m} (psi_1(a_{i+1}) - psi_1(a_i)) psi_2(b_i),   psi_1(a_0) = 0
// Yang, Emmerich, Deutz, Bäck (2019), "Efficient computation of expected hypervolume improvement
// using box decomposition algorithms", section 3, in O(m).
struct HypervolumeImprovement {
  double value = 0.0;
  std::array<double, 2> by_mean{}, by_stddev{};
};
HypervolumeImprovement expected_hypervolume_improvement(
    const std::array<Prediction, 2>& predictions, std::span<const Outcome> front,
    const Outcome& reference);

}  // namespace runner::bo
