#include "bo/acquisition.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <stdexcept>

#include "bo/normal.hpp"

namespace runner::bo {
namespace {

// z = (target - mean) / sd. Under noise the target lies one noise stddev below the best mean: that
// mean is itself a lucky one, and a smaller gain could not be told from it.
double improvement(const Prediction& p, const AcquisitionContext& c) {
  return (c.best - c.noise_stddev - p.mean) / p.stddev;
}

// What one more noisy observation can tell of a point, 1 - t / sqrt(sd^2 + t^2) with the noise's
// stddev t: 1 without noise, and near 0 where the function is known better than t. Huang, Allen,
// Notz, Zeng (2006), "Global optimization of stochastic black-box systems via sequential kriging
// meta-models", eq. 12.
struct Informative {
  double factor = 1.0, by_stddev = 0.0;
  Informative(const Prediction& p, const AcquisitionContext& c) {
    const double t = c.noise_stddev, total = std::hypot(p.stddev, t);
    factor = p.stddev * p.stddev / (total * (total + t));  // the same without cancellation
    by_stddev = t * p.stddev / (total * total * total);
  }
};

// EI = sd h(z). Jones, Schonlau, Welch (1998), "Efficient global optimization of expensive
// black-box functions", eq. 15; under noise times the factor above.
AcquisitionValue expected_improvement(const Prediction& p, const AcquisitionContext& c) {
  const double z = improvement(p, c);
  const double gain = p.stddev * std::exp(log_h(z));
  const Informative told(p, c);
  return {gain * told.factor, -normal_cdf(z) * told.factor,
          normal_density(z) * told.factor + gain * told.by_stddev};
}

// log EI = log sd + log h(z). Ament, Daulton, Eriksson, Balandat, Bakshy (2023), "Unexpected
// improvements to expected improvement for Bayesian optimization", eq. 8.
AcquisitionValue log_expected_improvement(const Prediction& p, const AcquisitionContext& c) {
  const double z = improvement(p, c);
  const double slope = dlog_h(z);
  const Informative told(p, c);
  return {std::log(p.stddev) + log_h(z) + std::log(told.factor), -slope / p.stddev,
          (1.0 - slope * z) / p.stddev + told.by_stddev / told.factor};
}

// PI = Phi(z) of a target that lies a margin lower. Kushner (1964), "A new method of locating the
// maximum point of an arbitrary multipeak curve in the presence of noise".
AcquisitionValue probability_of_improvement(const Prediction& p, const AcquisitionContext& c) {
  const double z = improvement(p, c) - c.margin / p.stddev;
  const double slope = normal_density(z) / p.stddev;
  return {normal_cdf(z), -slope, -slope * z};
}

// UCB of -y, that is -(mean - sqrt(beta) sd). Srinivas, Krause, Kakade, Seeger (2010), "Gaussian
// process optimization in the bandit setting", eq. 6: beta multiplies the variance.
AcquisitionValue upper_confidence_bound(const Prediction& p, const AcquisitionContext& c) {
  const double width = std::sqrt(c.beta);
  return {width * p.stddev - p.mean, -1.0, width};
}

constexpr std::array<Acquisition, 4> kAcquisitions = {{
    {"ei", "expected improvement", expected_improvement, true},
    {"logei", "logarithm of the expected improvement, exact where EI underflows",
     log_expected_improvement, false},
    {"pi", "probability of improvement", probability_of_improvement, true},
    {"ucb", "confidence bound mean - sqrt(beta) stddev of standardised outcomes",
     upper_confidence_bound, false},
}};

const Acquisition& acquisition(std::string_view name) {
  std::string known;
  for (const Acquisition& row : kAcquisitions) {
    if (row.name == name) return row;
    known.append(row.name).append(", ");
  }
  throw std::invalid_argument(fmt::format(
      "unknown acquisition '{}' (known: {}hedge, ehvi, or several joined by '+' to alternate)",
      name, known));
}

}  // namespace

std::span<const Acquisition> acquisitions() { return kAcquisitions; }

std::vector<const Acquisition*> acquisitions_of(std::string_view name) {
  std::vector<const Acquisition*> rows;
  if (name == "ehvi") return rows;
  if (name == "hedge") {
    for (const Acquisition& row : kAcquisitions) rows.push_back(&row);
    return rows;
  }
  for (;;) {
    const std::size_t plus = name.find('+');
    rows.push_back(&acquisition(name.substr(0, plus)));
    if (plus == std::string_view::npos) return rows;
    name.remove_prefix(plus + 1);
  }
}

}  // namespace runner::bo
