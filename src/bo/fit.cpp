#include "bo/fit.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#include <utility>
#include <vector>

#include "bo/minimise.hpp"

namespace runner::bo {
namespace {

// Of log(outputscale) and log(noise), in standardised outcomes: the median output scale is their
// variance, the median noise a seventh of it. Little hangs on them: on docs/performance.md's
// tables, from 4 points, spreads of 1 (361 and 180 studies) and a median noise of e^-4 (180) change
// the mean gap by -.02 to +.00 +- .02 at each mark.
constexpr double kOutputscaleLocation = 0.0, kOutputscaleSpread = 0.5;
constexpr double kNoiseLocation = -2.0, kNoiseSpread = 2.0;
constexpr double kLargestNoise = 1.0, kFallbackNoise = 1e-2;
constexpr double kSmallestLengthscale = 0.01, kLargestLengthscale = 1e3;
constexpr double kSmallestOutputscale = 1e-2, kLargestOutputscale = 1e4;
constexpr int kEvaluations = 50;      // of each local search
constexpr std::size_t kSearches = 2;  // local searches from the best starts
constexpr int kRefinement = 5;        // evaluations where each costs n^3 of a large n

// The log posterior as a function of theta, the logs of: length scales, output scale, learned
// noise.
class LogPosterior {
 public:
  LogPosterior(const Data& data, Noise noise)
      : lengthscales_(data.lengthscales),
        size_(lengthscales_ + (noise == Noise::learned ? 2 : 1)),
        likelihood_(data) {
    const arma::vec ones = arma::ones(lengthscales_);
    domain_.lower =
        arma::log(joined(kSmallestLengthscale * ones, kSmallestOutputscale, kSmallestNoise));
    domain_.upper =
        arma::log(joined(kLargestLengthscale * ones, kLargestOutputscale, kLargestNoise));
    const LogNormal scales = lengthscale_prior(lengthscales_);
    prior_.location = joined(scales.location, kOutputscaleLocation, kNoiseLocation);
    prior_.spread = joined(scales.spread, kOutputscaleSpread, kNoiseSpread);
  }

  const Domain& domain() const { return domain_; }

  arma::vec theta(const Hyperparameters& h) const {
    const arma::vec theta = arma::log(joined(h.lengthscales, h.outputscale, h.noise));
    return arma::min(arma::max(theta, domain_.lower), domain_.upper);
  }

  // At the most likely mean.
  double value(const arma::vec& theta) {
    theta_ = theta;
    const arma::vec values = arma::exp(theta);
    here_.lengthscales = values.head(lengthscales_);
    here_.outputscale = values(lengthscales_);
    here_.noise = theta.n_elem > lengthscales_ + 1 ? values.back() : kSmallestNoise;
    return likelihood_.at_best_mean(here_) + prior_.log_density(theta);
  }

  // Where the value was asked last.
  const Hyperparameters& here() const { return here_; }
  arma::vec gradient() const {
    const auto l = likelihood_.gradient();
    return joined(l.by_log_lengthscale, l.by_log_outputscale, l.by_log_noise) +
           prior_.gradient(theta_);
  }

 private:
  // One value for each element of theta.
  arma::vec joined(const arma::vec& lengthscales, double outputscale, double noise) const {
    return arma::vec(arma::join_cols(lengthscales, arma::vec{outputscale, noise})).head(size_);
  }

  arma::uword lengthscales_, size_;  // of theta
  MarginalLikelihood likelihood_;
  LogNormal prior_;
  Domain domain_;
  arma::vec theta_;
  Hyperparameters here_;
};

// Length scales from the prior's mode to nearly linear functions, with output scales to match, and
// two starts on the likelihood's other hill, where noise explains what short length scales would.
std::vector<Hyperparameters> default_starts(arma::uword lengthscales) {
  const arma::vec diagonal(lengthscales,
                           arma::fill::value(std::sqrt(static_cast<double>(lengthscales))));
  return {{0.2 * diagonal, 1.0, 1e-4},
          {0.6 * diagonal, 2.0, 1e-4},
          {2.0 * diagonal, 10.0, 1e-4},
          {0.4 * diagonal, 1.0, 0.1},
          {1.0 * diagonal, 1.0, 0.1}};
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
