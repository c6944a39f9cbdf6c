#pragma once

#include <armadillo>
#include <string>

#include "bo/gp.hpp"
#include "bo/suggest.hpp"

namespace runner::bo {

// Independent LogNormal(location, spread) priors, as functions of the logs x of the values.
struct LogNormal {
  arma::vec location, spread;

  // sum of log p(exp(x)), and its derivatives by x.
  double log_density(const arma::vec& x) const;
  arma::vec gradient(const arma::vec& x) const;
};

// Length scales: LogNormal(log(d) / 2, 1), so that functions are as smooth in many dimensions as in
// few. Scaled by sqrt(d) as in Hvarfner, Hellsten, Nardi (2024), "Vanilla Bayesian optimization
// performs great in high dimensions", section 5, whose LogNormal(sqrt(2) + log(d) / 2, sqrt(3)) is
// wider: a handful of outcomes says little about d scales. The median is the length scale from
// which Xu, Wang, Phillips, Zhe (2025), "Standard Gaussian process is all you need for
// high-dimensional Bayesian optimization", start their fit.
LogNormal lengthscale_prior(arma::uword dimensions);

// The noise of a deterministic objective and the least that is learned, in standardised outcomes:
// small enough that a point found twice has nothing more to give, large enough for the Cholesky
// factor of near-duplicates.
inline constexpr double kSmallestNoise = 1e-9;

struct FittedParameters {
  Hyperparameters hyperparameters;
  double log_posterior = 0.0;
  int evaluations = 0;
  std::string fallback;  // empty, or why a start's values were used
};

// Maximum a posteriori hyperparameters from several starts, `warm` among them unless null. The
// constant mean is profiled out. Learned noise is left at kSmallestNoise unless it raises the log
// posterior by more than log(n) / 2, the price of a parameter: Schwarz (1978), "Estimating the
// dimension of a model". So a deterministic objective is found out, and interpolated.
FittedParameters fit(const Data& data, Noise noise, const Hyperparameters* warm);

// A few steps from good values, with noise if they have some: for large histories, after `fit` on a
// part of them.
FittedParameters refine(const Data& data, const Hyperparameters& start);

}  // namespace runner::bo
