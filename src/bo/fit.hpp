#pragma once

#include <span>
#include <string>
#include <vector>

#include "bo/gp.hpp"
#include "bo/suggest.hpp"

namespace runner::bo {

// log p(value) of the maximum a posteriori fit's priors, and its derivative by log value.
struct LogPrior {
  double value = 0.0, by_log = 0.0;
};

// The density of LogNormal(location, spread) at `value`.
LogPrior log_normal_prior(double value, double location, double spread);

// Length scales: LogNormal(sqrt(2) + log(d) / 2, sqrt(3)), so that functions are as smooth in many
// dimensions as in few. Hvarfner, Hellsten, Nardi (2024), "Vanilla Bayesian optimization performs
// great in high dimensions", section 5.
LogPrior lengthscale_prior(double value, std::size_t dimensions);

// What every fit without observation noise uses, in standardised outcomes.
inline constexpr double kDeterministicNoise = 1e-6;

struct FittedParameters {
  Hyperparameters hyperparameters;
  double log_posterior = 0.0;
  int evaluations = 0;
  std::string fallback;  // empty, or why defaults were used
};

// Maximum a posteriori hyperparameters; the constant mean is profiled out. `warm` are
// hyperparameters to start from as well, or null. Histories of more than a few hundred points are
// fitted on a part of them first.
FittedParameters fit(const Data& data, Noise noise, const Hyperparameters* warm);

}  // namespace runner::bo
