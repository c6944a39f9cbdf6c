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
  LogPosterior(const Data& data, Noise noise) : data_(data), noise_(noise) {
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

  // -log posterior; the mean is profiled out and left in `mean`.
  double operator()(std::span<const double> logs, std::span<double> gradient, double& mean) const {
    Hyperparameters h = values(logs);
    const Likelihood likelihood = profile_likelihood(data_, h);
    mean = h.mean;
    double value = likelihood.value;
    const std::size_t d = data_.lengthscales;
    for (std::size_t i = 0; i < d; ++i) {
      const LogPrior prior = lengthscale_prior(h.lengthscales[i], d);
      value += prior.value;
      gradient[i] = -likelihood.by_log_lengthscale[i] - prior.by_log;
    }
    const LogPrior scale =
        log_normal_prior(h.outputscale, kOutputscaleLocation, kOutputscaleSpread);
    value += scale.value;
    gradient[d] = -likelihood.by_log_outputscale - scale.by_log;
    if (noise_ == Noise::learned) {
      const LogPrior prior = log_normal_prior(h.noise, kNoiseLocation, kNoiseSpread);
      value += prior.value;
      gradient[d + 1] = -likelihood.by_log_noise - prior.by_log;
    }
    return -value;
  }

 private:
  const Data& data_;
  Noise noise_;
  Domain domain_;
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
  const LogPosterior posterior(data, noise);
  FittedParameters result;
  double mean = 0.0;
  const Objective objective = [&](std::span<const double> x, std::span<double> gradient) {
    ++result.evaluations;
    return posterior(x, gradient, mean);
  };
  std::vector<std::pair<double, std::vector<double>>> ranked;
  std::vector<double> gradient(posterior.domain().size());
  for (const Hyperparameters& start : starts) {
    std::vector<double> x = posterior.logs(start);
    const double value = starts.size() > 1 ? objective(x, gradient) : 0.0;
    if (std::isfinite(value)) ranked.emplace_back(value, std::move(x));
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  Minimum best;
  best.value = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < std::min(kSearches, ranked.size()); ++i) {
    Minimum found = minimise(objective, posterior.domain(), ranked[i].second, {evaluations, 1e-3});
    if (found.value < best.value) best = std::move(found);
  }
  if (!std::isfinite(best.value)) {
    result.hyperparameters = starts.front();
    result.hyperparameters.noise = noise == Noise::learned ? kFallbackNoise : kSmallestNoise;
    result.fallback = "no start of the fit had a finite likelihood: length scales are the start's";
    return result;
  }
  objective(best.x, gradient);
  result.hyperparameters = posterior.values(best.x);
  result.hyperparameters.mean = mean;
  result.log_posterior = -best.value;
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
