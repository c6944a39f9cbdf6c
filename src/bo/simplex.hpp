#pragma once

#include <armadillo>

namespace runner::bo {

// The unit simplex: weights >= 0 with sum 1.

// The point of the simplex nearest to v (Euclidean). Held, Wolfe, Crowder (1974); the algorithm as
// in Duchi, Shalev-Shwartz, Singer, Chandra (2008), fig. 1. O(n log n). v must be finite.
arma::vec project_to_simplex(const arma::vec& v);

// Maps u in [0, 1)^K to the simplex so that uniform u give Dirichlet(1, ..., 1) weights: normalised
// exponential spacings -log(1 - u_k). All zero gives equal weights.
arma::vec dirichlet_from_uniform(const arma::vec& u);

}  // namespace runner::bo
