#include "bo/fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "bo/minimise.hpp"

namespace runner::bo {
namespace {

// log(outputscale) and log(noise) in standardised outcomes: location, spread.
constexpr double kOutputscaleLocation = 0.0, kOutputscaleSpread = 0.5;
constexpr double kNoiseLocation = -2.0, kNoiseSpread = 2.0;
constexpr double kLargestNoise = 1.0, kFallbackNoise = 1e-2;
constexpr double kSmallestLengthscale = 0.01, kLargestLengthscale = 1e3;
constexpr double kSmallestOutputscale = 1e-2, kLargestOutputscale = 1e4;
constexpr int kEvaluations = 50;      // of each local search
constexpr std::size_t kSearches = 2;  // local searches from the best starts
constexpr int kRefinement = 6;        // evaluations where each costs n^3 of a large n

// The parameters as the optimiser sees them: logs, in this order.
class LogPosterior {
 public:
  LogPosterior(const Data& data, Noise noise) : data_(data), noise_(noise), likelihood_(data) {
    domain_.lower.assign(data.lengthscales, std::log(kSmallestLengthscale));
    domain_.upper.assign(data.lengthscales, std::log(kLargestLengthscale));
    domain_.lower.push_back(std::log(kSmallestOutputscale));
    domain_.upper.push_back(std::log(kLargestOutputscale));
    if (noise == Noise::learned) {
      domain_.lower.push_back(std::log(kSmallestNoise));
      domain_.upper.push_back(std::log(kLargestNoise));
    }
  }

  const Domain& domain() const { return domain_; }

  std::vector<double> logs(const Hyperparameters& h) const {
    std::vector<double> out;
    for (const double l : h.lengthscales) out.push_back(std::log(l));
    out.push_back(std::log(h.outputscale));
    if (noise_ == Noise::learned) out.push_back(std::log(h.noise));
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = std::clamp(out[i], domain_.lower[i], domain_.upper[i]);
    }
    return out;
  }

  Hyperparameters values(std::span<const double> logs) const {
    Hyperparameters h;
    for (std::size_t i = 0; i < data_.lengthscales; ++i)
      h.lengthscales.push_back(std::exp(logs[i]));
    h.outputscale = std::exp(logs[data_.lengthscales]);
    h.noise = noise_ == Noise::learned ? std::exp(logs.back()) : kSmallestNoise;
    return h;
  }

  // -log posterior at the most likely mean.
  double value(std::span<const double> logs) {
    here_ = values(logs);
    double value = likelihood_.at_best_mean(here_);
    for (const double l : here_.lengthscales) {
      value += lengthscale_prior(l, data_.lengthscales).value;
    }
    value += log_normal_prior(here_.outputscale, kOutputscaleLocation, kOutputscaleSpread).value;
    if (noise_ == Noise::learned) {
      value += log_normal_prior(here_.noise, kNoiseLocation, kNoiseSpread).value;
    }
    return -value;
  }

  // Where the value was asked last.
  const Hyperparameters& here() const { return here_; }
  void gradient(std::span<double> gradient) {
    const Likelihood& likelihood = likelihood_.derivatives();
    const std::size_t d = data_.lengthscales;
    for (std::size_t i = 0; i < d; ++i) {
      gradient[i] =
          -likelihood.by_log_lengthscale[i] - lengthscale_prior(here_.lengthscales[i], d).by_log;
    }
    gradient[d] =
        -likelihood.by_log_outputscale -
        log_normal_prior(here_.outputscale, kOutputscaleLocation, kOutputscaleSpread).by_log;
    if (noise_ == Noise::learned) {
      gradient[d + 1] = -likelihood.by_log_noise -
                        log_normal_prior(here_.noise, kNoiseLocation, kNoiseSpread).by_log;
    }
  }

 private:
  const Data& data_;
  Noise noise_;
  Domain domain_;
  MarginalLikelihood likelihood_;
  Hyperparameters here_;
};

// Length scales from the prior's mode to nearly linear functions, with output scales to match, and
// two starts on the likelihood's other hill, where noise explains what short length scales would.
std::vector<Hyperparameters> default_starts(std::size_t lengthscales) {
  struct Start {
    double length, outputscale, noise;
  };
  constexpr std::array<Start, 5> values = {
      {{0.2, 1.0, 1e-4}, {0.6, 2.0, 1e-4}, {2.0, 10.0, 1e-4}, {0.4, 1.0, 0.1}, {1.0, 1.0, 0.1}}};
  std::vector<Hyperparameters> starts;
  const double root = std::sqrt(static_cast<double>(lengthscales));
  for (const Start& v : values) {
    starts.push_back(
        {std::vector<double>(lengthscales, v.length * root), v.outputscale, v.noise, 0.0});
  }
  return starts;
}

FittedParameters fit_from(const Data& data, Noise noise, std::span<const Hyperparameters> starts,
                          int evaluations) {
  LogPosterior posterior(data, noise);
  FittedParameters result;
  double lowest = std::numeric_limits<double>::infinity();
  const Objective objective{[&](std::span<const double> x) {
                              ++result.evaluations;
                              const double value = posterior.value(x);
                              if (value < lowest) {
                                lowest = value;
                                result.hyperparameters = posterior.here();
                              }
                              return value;
                            },
                            [&](std::span<double> gradient) { posterior.gradient(gradient); }};
  std::vector<std::pair<double, std::vector<double>>> ranked;
  for (const Hyperparameters& start : starts) {
    std::vector<double> x = posterior.logs(start);
    const double value = starts.size() > 1 ? objective.value(x) : 0.0;
    if (std::isfinite(value)) ranked.emplace_back(value, std::move(x));
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < std::min(kSearches, ranked.size()); ++i) {
    minimise(objective, posterior.domain(), ranked[i].second, {evaluations, 1e-3});
  }
  if (std::isfinite(lowest)) {
    result.log_posterior = -lowest;
    return result;
  }
  result.hyperparameters = starts.front();
  result.hyperparameters.noise = noise == Noise::learned ? kFallbackNoise : kSmallestNoise;
  result.fallback = "no start of the fit had a finite likelihood: length scales are the start's";
  return result;
}

}  // namespace

LogPrior log_normal_prior(double value, double location, double spread) {
  const double log_value = std::log(value);
  const double z = (log_value - location) / spread;
  return {-log_value - std::log(spread) - 0.5 * std::log(2.0 * std::numbers::pi) - 0.5 * z * z,
          -1.0 - z / spread};
}

LogPrior lengthscale_prior(double value, std::size_t dimensions) {
  const double location = std::numbers::sqrt2 + 0.5 * std::log(static_cast<double>(dimensions));
  return log_normal_prior(value, location, std::numbers::sqrt3);
}

FittedParameters fit(const Data& data, Noise noise, const Hyperparameters* warm) {
  std::vector<Hyperparameters> starts = default_starts(data.lengthscales);
  if (warm) starts.push_back(*warm);
  FittedParameters fitted = fit_from(data, noise, starts, kEvaluations);
  if (noise == Noise::deterministic) return fitted;
  FittedParameters exact = fit_from(data, Noise::deterministic, starts, kEvaluations);
  const double evidence =
      fitted.log_posterior -
      log_normal_prior(fitted.hyperparameters.noise, kNoiseLocation, kNoiseSpread).value;
  const double price = 0.5 * std::log(static_cast<double>(data.y.size()));
  const bool noiseless = exact.fallback.empty() && evidence - price <= exact.log_posterior;
  const int evaluations = fitted.evaluations + exact.evaluations;
  if (noiseless) fitted = std::move(exact);
  fitted.evaluations = evaluations;
  return fitted;
}

FittedParameters refine(const Data& data, const Hyperparameters& start) {
  const Noise noise = start.noise > kSmallestNoise ? Noise::learned : Noise::deterministic;
  return fit_from(data, noise, {&start, 1}, kRefinement);
}

}  // namespace runner::bo
