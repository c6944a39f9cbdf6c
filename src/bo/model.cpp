#include "bo/model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>

#include "bo/fit.hpp"
#include "io/csv.hpp"

namespace runner::bo {
namespace {

constexpr std::array kStrengths = {0.0, 1.0, 10.0, 100.0};
constexpr std::size_t kFewestForWarp = 6;
constexpr double kWarpGain = 2.0;  // nats of leave-one-out density that a stronger warp must bring
constexpr int kWarpRounds = 2;     // other strengths that are given a fit of their own
constexpr std::size_t kFitPoints = 256;  // more are fitted on a part of them, then refined

double outcome(const Observation& o, std::size_t objective) { return objective == 0 ? o.y : o.y2; }

// The points `indices` of a history, without their outcomes.
Data points_of(const Encoding& encoding, const EncodedHistory& history,
               std::span<const std::size_t> indices) {
  Data data{.x = arma::mat(indices.size(), encoding.features()),
            .groups = arma::uvec(encoding.groups()),
            .lengthscales = encoding.lengthscales(),
            .y = {},
            .known_noise = {}};
  for (std::size_t i = 0; i < indices.size(); ++i) {
    data.x.row(i) = history.features[indices[i]].t();
  }
  return data;
}

// Which of many outcomes the fit begins with: the best third of kFitPoints and an even choice of
// the others, in the order of the history.
arma::uvec part_of(const arma::vec& y) {
  if (y.n_elem <= kFitPoints) return arma::regspace<arma::uvec>(0, y.n_elem - 1);
  constexpr arma::uword best = kFitPoints / 3, wanted = kFitPoints - best;
  const arma::uvec order = arma::stable_sort_index(y);
  const arma::uvec others = arma::sort(order.tail(y.n_elem - best));
  const arma::uvec even = arma::regspace<arma::uvec>(0, wanted - 1) * others.n_elem / wanted;
  return arma::sort(arma::join_cols(order.head(best), others.elem(even)));
}

// One candidate strength: the outcomes, the fit, and the leave-one-out densities of y under it, its
// own and those with each strength's outcomes.
struct Candidate {
  Warp warp;
  FittedParameters fitted;
  double density = 0.0;
  arma::vec densities{};
};

// The choice of a warp and hyperparameters for one objective.
class Selection {
 public:
  Selection(const Encoding& encoding, const EncodedHistory& history,
            std::span<const Observation> observations, Noise noise, std::size_t objective)
      : observations_(observations),
        noise_(noise),
        objective_(objective),
        points_(points_of(encoding, history, history.ok)),
        y_(history.ok.size()),
        known_noise_(history.ok.size(), arma::fill::value(arma::datum::nan)) {
    for (std::size_t i = 0; i < history.ok.size(); ++i) {
      const Observation& o = observations[history.ok[i]];
      y_(i) = outcome(o, objective);
      known_noise_(i) = objective == 0 ? o.noise_variance : o.noise_variance2;
    }
  }

  Candidate choose() {
    const auto warm = WarmStart::from(observations_, points_.lengthscales, objective_);
    const arma::uvec part = part_of(y_);
    Candidate chosen =
        candidate(part, warm ? warm->strength : 0.0, warm ? &warm->hyperparameters : nullptr);
    for (int round = 0; round < kWarpRounds && part.n_elem >= kFewestForWarp; ++round) {
      const double strength = kStrengths[chosen.densities.index_max()];
      if (strength == chosen.warp.strength()) break;
      Candidate other = candidate(part, strength, &chosen.fitted.hyperparameters);
      const double margin = strength > chosen.warp.strength() ? kWarpGain : -kWarpGain;
      if (!(other.density > chosen.density + margin)) break;
      chosen = std::move(other);
    }
    if (part.n_elem < y_.n_elem) {
      const std::string fallback = chosen.fitted.fallback;
      chosen.fitted = refine(data(chosen.warp), chosen.fitted.hyperparameters);
      evaluations_ += chosen.fitted.evaluations;
      if (chosen.fitted.fallback.empty()) chosen.fitted.fallback = fallback;
    }
    return chosen;
  }

  // The ok observations under a warp; noise of known variance to first order.
  Data data(const Warp& warp) const {
    Data data = points_;
    data.y = warp.forward(y_);
    data.known_noise = known_noise_;
    for (arma::uword i = 0; i < y_.n_elem; ++i) {
      const double slope = warp.slope(data.y(i));
      double& known = data.known_noise(i);
      if (!std::isnan(known)) known = std::clamp(known / slope / slope, kSmallestNoise, kMostNoise);
    }
    return data;
  }

  int evaluations() const { return evaluations_; }

 private:
  static constexpr double kMostNoise = 1e6;

  Candidate candidate(const arma::uvec& part, double strength, const Hyperparameters* start) {
    Candidate candidate{Warp(y_, strength), {}, 0.0, arma::vec(kStrengths.size())};
    Data sample = data(candidate.warp);
    sample.x = arma::mat(sample.x.rows(part));
    sample.y = arma::vec(sample.y.elem(part));
    sample.known_noise = arma::vec(sample.known_noise.elem(part));
    candidate.fitted = fit(sample, noise_, start);
    evaluations_ += candidate.fitted.evaluations;
    const Gp gp(sample, candidate.fitted.hyperparameters);
    const double share = static_cast<double>(part.n_elem) / static_cast<double>(y_.n_elem);
    candidate.density = gp.leave_one_out().log_density + share * candidate.warp.log_jacobian();
    for (std::size_t k = 0; k < kStrengths.size(); ++k) {
      const Warp other(y_, kStrengths[k]);
      const arma::vec z = other.forward(y_.elem(part));
      candidate.densities(k) = gp.leave_one_out(z).log_density + share * other.log_jacobian();
    }
    return candidate;
  }

  std::span<const Observation> observations_;
  Noise noise_;
  std::size_t objective_;
  Data points_;
  arma::vec y_, known_noise_;
  int evaluations_ = 0;
};

// The stddev of an observation's noise, in the mean of variances; the floor counts as none.
double average_noise(arma::vec known, double learned) {
  known.replace(arma::datum::nan, learned);
  const double mean = arma::mean(known);
  return mean > kSmallestNoise * (1.0 + 1e-9) ? std::sqrt(mean) : 0.0;  // the sum was rounded
}

}  // namespace

EncodedHistory::EncodedHistory(const Encoding& encoding, std::span<const Observation> observations,
                               std::size_t objectives, Outside outside) {
  for (std::size_t i = 0; i < observations.size(); ++i) {
    const Observation& o = observations[i];
    const std::string name = fmt::format("observation {}", i + 1);
    for (const double variance : {o.noise_variance, o.noise_variance2}) {
      if (!(variance < 0.0)) continue;
      throw std::invalid_argument(
          fmt::format("{}: a noise variance of {}", name, io::number(variance)));
    }
    points.push_back(encoding.checked(o.x, name, outside));
    features.push_back(encoding.encode(points.back()));
    if (o.status == Status::pending) {
      pending.push_back(i);
    } else if (o.status == Status::failed || !std::isfinite(o.y) ||
               (objectives > 1 && !std::isfinite(o.y2))) {
      failed.push_back(i);
    } else {
      if (encoding.is_inside(points.back())) inside.push_back(ok.size());
      ok.push_back(i);
    }
  }
}

std::vector<std::size_t> EncodedHistory::incumbents() const {
  std::vector<std::size_t> all(ok.size());
  std::iota(all.begin(), all.end(), 0);
  return inside.empty() ? all : inside;
}

std::vector<double> WarmStart::numbers() const {
  const auto& h = hyperparameters;
  return arma::conv_to<std::vector<double>>::from(
      arma::join_cols(h.lengthscales, arma::vec{h.outputscale, h.noise, h.mean, strength}));
}

std::optional<WarmStart> WarmStart::from(std::span<const Observation> observations,
                                         arma::uword lengthscales, std::size_t objective) {
  for (std::size_t i = observations.size(); i-- > 0;) {
    std::span<const double> numbers = observations[i].warm_start;
    if (numbers.size() < (objective + 1) * length(lengthscales)) continue;
    numbers = numbers.subspan(objective * length(lengthscales), length(lengthscales));
    const arma::vec scales(numbers.data(), lengthscales + 2);  // and the output scale and the noise
    const bool known = std::ranges::find(kStrengths, numbers.back()) != kStrengths.end();
    const bool usable = known && scales.is_finite() && scales.min() > 0.0;
    if (!usable) continue;
    return WarmStart{{arma::vec(numbers.data(), lengthscales), numbers[lengthscales],
                      numbers[lengthscales + 1], numbers[lengthscales + 2]},
                     numbers.back()};
  }
  return std::nullopt;
}

Model make_model(const Encoding& encoding, const EncodedHistory& history,
                 std::span<const Observation> observations, Noise noise, std::size_t objective) {
  Selection selection(encoding, history, observations, noise, objective);
  const Candidate chosen = selection.choose();
  const Hyperparameters& h = chosen.fitted.hyperparameters;
  const Data ok = selection.data(chosen.warp);

  std::vector<std::size_t> all = history.ok;
  all.insert(all.end(), history.failed.begin(), history.failed.end());
  Data data = points_of(encoding, history, all);
  const arma::uword failed = history.failed.size();
  data.y = arma::join_cols(ok.y, arma::vec(failed, arma::fill::value(ok.y.max())));
  data.known_noise =
      arma::join_cols(ok.known_noise, arma::vec(failed, arma::fill::value(arma::datum::nan)));

  Model model{.warp = chosen.warp,
              .gp = Gp(data, h),
              .noise_stddev = average_noise(ok.known_noise, h.noise),
              .means = {},
              .warm_start = WarmStart{h, chosen.warp.strength()}.numbers()};
  model.means = model.gp.means().head(ok.y.n_elem);
  const std::vector<std::size_t> incumbents = history.incumbents();
  const std::size_t best =
      *std::ranges::min_element(incumbents, {}, [&](std::size_t k) { return model.means(k); });
  model.best = model.means(best);
  model.best_index = history.ok[best];
  const LeaveOneOut loo = model.gp.leave_one_out();
  const arma::vec z = (data.y - loo.mean) / arma::sqrt(loo.variance);
  model.fit.loo_z.assign(z.begin(), z.begin() + ok.y.n_elem);
  model.fit.lengthscales.assign(h.lengthscales.begin(), h.lengthscales.end());
  model.fit.outputscale = h.outputscale;
  model.fit.noise = h.noise;
  model.fit.mean = h.mean;
  model.fit.log_posterior = chosen.fitted.log_posterior;
  model.fit.warped = chosen.warp.strength() > 0.0;
  model.fit.evaluations = selection.evaluations();
  model.fit.fallback = chosen.fitted.fallback;
  if (model.gp.jitter() > 0.0) {
    model.fit.fallback +=
        fmt::format("{}{} added to the diagonal of the covariance",
                    model.fit.fallback.empty() ? "" : "; ", io::number(model.gp.jitter()));
  }
  for (const std::size_t i : history.pending) model.gp.believe(history.features[i]);
  return model;
}

}  // namespace runner::bo
