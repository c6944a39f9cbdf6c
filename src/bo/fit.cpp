#include "bo/fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#include <utility>
#include <vector>

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

// The log posterior as a function of theta, the logs of: length scales, output scale, learned
// noise.
class LogPosterior {
 public:
  LogPosterior(const Data& data, Noise noise)
      : lengthscales_(data.lengthscales),
        likelihood_(data),
        prior_(lengthscale_prior(lengthscales_)) {
    domain_.lower = arma::vec(lengthscales_, arma::fill::value(std::log(kSmallestLengthscale)));
    domain_.upper = arma::vec(lengthscales_, arma::fill::value(std::log(kLargestLengthscale)));
    add(kOutputscaleLocation, kOutputscaleSpread, kSmallestOutputscale, kLargestOutputscale);
    if (noise == Noise::learned) add(kNoiseLocation, kNoiseSpread, kSmallestNoise, kLargestNoise);
  }

  const Domain& domain() const { return domain_; }

  arma::vec theta(const Hyperparameters& h) const {
    const arma::vec values = arma::join_cols(h.lengthscales, arma::vec{h.outputscale, h.noise});
    const arma::vec theta = arma::log(values.head(domain_.lower.n_elem));
    return arma::min(arma::max(theta, domain_.lower), domain_.upper);
  }

  // At the most likely mean.
  double value(const arma::vec& theta) {
    theta_ = theta;
    const arma::vec values = arma::exp(theta);
    here_.lengthscales = values.head(lengthscales_);
    here_.outputscale = values(lengthscales_);
    here_.noise = learns_noise() ? values.back() : kSmallestNoise;
    return likelihood_.at_best_mean(here_) + prior_.log_density(theta);
  }

  // Where the value was asked last.
  const Hyperparameters& here() const { return here_; }
  arma::vec gradient() const {
    const Likelihood l = likelihood_.derivatives();
    const arma::vec by_theta =
        arma::join_cols(l.by_log_lengthscale, arma::vec{l.by_log_outputscale, l.by_log_noise});
    return by_theta.head(theta_.n_elem) + prior_.gradient(theta_);
  }

 private:
  void add(double location, double spread, double low, double high) {
    const auto push = [](arma::vec& to, double value) {
      to.resize(to.n_elem + 1);
      to.back() = value;
    };
    push(prior_.location, location);
    push(prior_.spread, spread);
    push(domain_.lower, std::log(low));
    push(domain_.upper, std::log(high));
  }

  bool learns_noise() const { return domain_.lower.n_elem > lengthscales_ + 1; }

  arma::uword lengthscales_;
  MarginalLikelihood likelihood_;
  LogNormal prior_;
  Domain domain_;
  arma::vec theta_;
  Hyperparameters here_;
};

// Length scales from the prior's mode to nearly linear functions, with output scales to match, and
// two starts on the likelihood's other hill, where noise explains what short length scales would.
std::vector<Hyperparameters> default_starts(arma::uword lengthscales) {
  struct Start {
    double length, outputscale, noise;
  };
  constexpr std::array<Start, 5> values = {
      {{0.2, 1.0, 1e-4}, {0.6, 2.0, 1e-4}, {2.0, 10.0, 1e-4}, {0.4, 1.0, 0.1}, {1.0, 1.0, 0.1}}};
  std::vector<Hyperparameters> starts;
  const double root = std::sqrt(static_cast<double>(lengthscales));
  for (const Start& v : values) {
    starts.push_back(
        {arma::vec(lengthscales, arma::fill::value(v.length * root)), v.outputscale, v.noise, 0.0});
  }
  return starts;
}

FittedParameters fit_from(const Data& data, Noise noise, std::span<const Hyperparameters> starts,
                          int evaluations) {
  LogPosterior posterior(data, noise);
  FittedParameters result;
  result.log_posterior = -std::numeric_limits<double>::infinity();
  const Objective objective{[&](const arma::vec& theta) {
                              ++result.evaluations;
                              const double value = posterior.value(theta);
                              if (value > result.log_posterior) {
                                result.log_posterior = value;
                                result.hyperparameters = posterior.here();
                              }
                              return -value;
                            },
                            [&] { return arma::vec(-posterior.gradient()); }};
  std::vector<std::pair<double, arma::vec>> ranked;
  for (const Hyperparameters& start : starts) {
    arma::vec theta = posterior.theta(start);
    const double value = starts.size() > 1 ? objective.value(theta) : 0.0;
    if (std::isfinite(value)) ranked.emplace_back(value, std::move(theta));
  }
  std::ranges::stable_sort(ranked, {}, [](const auto& start) { return start.first; });
  ranked.resize(std::min(kSearches, ranked.size()));
  for (const auto& [value, theta] : ranked) {
    minimise(objective, posterior.domain(), theta, {evaluations, 1e-3});
  }
  if (std::isfinite(result.log_posterior)) return result;
  result.log_posterior = 0.0;
  result.hyperparameters = starts.front();
  result.hyperparameters.noise = noise == Noise::learned ? kFallbackNoise : kSmallestNoise;
  result.fallback = "no start of the fit had a finite likelihood: length scales are the start's";
  return result;
}

}  // namespace

double LogNormal::log_density(const arma::vec& x) const {
  const arma::vec z = (x - location) / spread;
  return -arma::accu(x + arma::log(spread) + 0.5 * std::log(2.0 * std::numbers::pi) +
                     0.5 * arma::square(z));
}

arma::vec LogNormal::gradient(const arma::vec& x) const {
  return -1.0 - (x - location) / arma::square(spread);
}

LogNormal lengthscale_prior(arma::uword dimensions) {
  const double location = 0.5 * std::log(static_cast<double>(dimensions));
  return {arma::vec(dimensions, arma::fill::value(location)), arma::ones(dimensions)};
}

FittedParameters fit(const Data& data, Noise noise, const Hyperparameters* warm) {
  std::vector<Hyperparameters> starts = default_starts(data.lengthscales);
  if (warm) starts.push_back(*warm);
  FittedParameters fitted = fit_from(data, noise, starts, kEvaluations);
  if (noise == Noise::deterministic) return fitted;
  FittedParameters exact = fit_from(data, Noise::deterministic, starts, kEvaluations);
  const double evidence =
      fitted.log_posterior - LogNormal{{kNoiseLocation}, {kNoiseSpread}}.log_density(
                                 {std::log(fitted.hyperparameters.noise)});
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
