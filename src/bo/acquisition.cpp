#include "bo/acquisition.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <stdexcept>

#include "bo/normal.hpp"

namespace runner::bo {
namespace {

// z = (best - margin - mean) / sd. Under noise the best value is plugged in from the model
// (Picheny, Wagner, Ginsbourger 2013, "A benchmark of kriging-based infill criteria for noisy
// optimization"), and the margin (Brochu, Cora, de Freitas 2010, "A tutorial on Bayesian
// optimization of expensive cost functions", section 2.3.2) is one noise stddev: that best mean is
// itself a lucky one, and a smaller gain could not be told from it.
double improvement(const Prediction& p, const AcquisitionContext& c) {
  return (c.best - c.noise_stddev - p.mean) / p.stddev;
}

AcquisitionValue expected_improvement(const Prediction& p, const AcquisitionContext& c) {
  return improvement_below(c.best - c.noise_stddev, p);
}

// log EI = log sd + log h(z). Ament, Daulton, Eriksson, Balandat, Bakshy (2023), "Unexpected
// improvements to expected improvement for Bayesian optimization", eq. 8.
AcquisitionValue log_expected_improvement(const Prediction& p, const AcquisitionContext& c) {
  const double z = improvement(p, c);
  const double slope = dlog_h(z);
  return {std::log(p.stddev) + log_h(z), -slope / p.stddev, (1.0 - slope * z) / p.stddev};
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

AcquisitionValue improvement_below(double target, const Prediction& p) {
  const double z = (target - p.mean) / p.stddev;
  return {p.stddev * std::exp(log_h(z)), -normal_cdf(z), normal_density(z)};
}

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
