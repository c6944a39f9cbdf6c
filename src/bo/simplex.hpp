#pragma once

#include <span>

namespace runner::bo {

// The unit simplex: weights >= 0 with sum 1.

// Replaces v by the nearest point of the simplex (Euclidean). Held, Wolfe, Crowder (1974); the
// algorithm as in Duchi et al. (2008), fig. 1. O(n log n). v must be finite.
void project_to_simplex(std::span<double> v);

// Maps u in [0, 1)^K to the simplex so that uniform u give Dirichlet(1, ..., 1) weights: normalised
// exponential spacings -log(1 - u_k). All zero gives equal weights.
void dirichlet_from_uniform(std::span<double> u);

}  // namespace runner::bo
