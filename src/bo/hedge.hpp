#pragma once

#include <armadillo>
#include <span>
#include <vector>

#include "bo/gp.hpp"

namespace runner::bo {

// GP-Hedge: Brochu, Hoffman, de Freitas (2011), "Portfolio allocation for Bayesian optimization",
// algorithm 2. Each acquisition nominates a point per round; an acquisition's gain is the sum of
// minus the posterior mean at its nominees, relative to each round's average. Here all gains are
// taken under the present model, so they are a function of the history alone, and later knowledge
// corrects early praise.

// rounds[t][i]: features of what acquisition i nominated in round t. The probabilities of choosing
// each, proportional to exp(rate gain), rate = sqrt(8 log k / rounds) as in the bound of
// Cesa-Bianchi, Lugosi (2006), theorem 2.2, in standardised outcomes.
arma::vec hedge_probabilities(const Gp& gp, std::span<const std::vector<arma::vec>> rounds,
                              arma::uword acquisitions);

}  // namespace runner::bo
