#pragma once

#include <armadillo>
#include <vector>

#include "bo/acquisition.hpp"
#include "bo/gp.hpp"
#include "bo/hypervolume.hpp"
#include "bo/search.hpp"

namespace runner::bo {

Prediction predict(const Gp& gp, const arma::vec& features);

// An acquisition over a posterior, as a function of the features. What it is made of must outlive
// it.
AcquisitionSurface surface_of(const Gp& gp, const Acquisition& acquisition,
                              const AcquisitionContext& context);

// The expected hypervolume improvement of two independent posteriors over `front`.
AcquisitionSurface surface_of(const Gp& first, const Gp& second, std::vector<Outcome> front);

}  // namespace runner::bo
