#include "bo/model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "bo/axis.hpp"
#include "bo/fit.hpp"
#include "io/csv.hpp"

namespace runner::bo {
namespace {

constexpr std::array kStrengths = {0.0, 1.0, 10.0, 100.0};
constexpr std::size_t kFewestForWarp = 6;
constexpr double kWarpGain = 2.0;  // nats of leave-one-out density that a stronger warp must bring
constexpr int kWarpRounds = 2;     // other strengths that are given a fit of their own
constexpr std::size_t kFitPoints = 256;  // more are fitted on a part of them, then refined

// The ok observations with the outcomes of one objective as they are.
Data observed(const Encoding& encoding, const EncodedHistory& history,
              std::span<const Observation> observations, std::size_t objective) {
  const std::size_t count = history.ok.size();
  Data data{.x = arma::mat(count, encoding.features()),
            .groups = arma::uvec(encoding.groups()),
            .lengthscales = encoding.lengthscales(),
            .y = arma::vec(count),
            .known_noise = arma::vec(count)};
  for (std::size_t i = 0; i < count; ++i) {
    const Observation& o = observations[history.ok[i]];
    data.x.row(i) = history.features[history.ok[i]].t();
    data.y(i) = objective == 0 ? o.y : o.y2;
    data.known_noise(i) = objective == 0 ? o.noise_variance : o.noise_variance2;
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
        observed_(observed(encoding, history, observations, objective)) {}

  Candidate choose() {
    const auto warm = WarmStart::from(observations_, observed_.lengthscales, objective_);
    const arma::uvec part = part_of(observed_.y);
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
    if (part.n_elem < observed_.y.n_elem) {
      const std::string fallback = chosen.fitted.fallback;
      chosen.fitted = refine(data(chosen.warp), chosen.fitted.hyperparameters);
      evaluations_ += chosen.fitted.evaluations;
      if (chosen.fitted.fallback.empty()) chosen.fitted.fallback = fallback;
    }
    chosen.fitted.evaluations = evaluations_;
    return chosen;
  }

  // The ok observations under a warp; noise of known variance to first order.
  Data data(const Warp& warp) const {
    Data data = observed_;
    data.y = warp.forward(observed_.y);
    for (arma::uword i = 0; i < data.y.n_elem; ++i) {
      const double slope = warp.slope(data.y(i));
      double& known = data.known_noise(i);
      if (!std::isnan(known)) known = std::clamp(known / slope / slope, kSmallestNoise, kMostNoise);
    }
    return data;
  }

 private:
  static constexpr double kMostNoise = 1e6;

  Candidate candidate(const arma::uvec& part, double strength, const Hyperparameters* start) {
    const arma::vec& y = observed_.y;
    Candidate candidate{Warp(y, strength), {}, 0.0, arma::vec(kStrengths.size())};
    Data sample = data(candidate.warp);
    sample.x = arma::mat(sample.x.rows(part));
    sample.y = arma::vec(sample.y.elem(part));
    sample.known_noise = arma::vec(sample.known_noise.elem(part));
    candidate.fitted = fit(sample, noise_, start);
    evaluations_ += candidate.fitted.evaluations;
    const Gp gp(sample, candidate.fitted.hyperparameters);
    const double share = static_cast<double>(part.n_elem) / static_cast<double>(y.n_elem);
    candidate.density = gp.leave_one_out().log_density + share * candidate.warp.log_jacobian();
    for (std::size_t k = 0; k < kStrengths.size(); ++k) {
      const Warp other(y, kStrengths[k]);
      const arma::vec z = other.forward(y.elem(part));
      candidate.densities(k) = gp.leave_one_out(z).log_density + share * other.log_jacobian();
    }
    return candidate;
  }

  std::span<const Observation> observations_;
  Noise noise_;
  std::size_t objective_;
  Data observed_;
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
      if (variance < 0.0) refuse("{}: a noise variance of {}", name, io::number(variance));
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

arma::uvec EncodedHistory::incumbents() const {
  if (inside.empty()) return arma::regspace<arma::uvec>(0, ok.size() - 1);
  return arma::conv_to<arma::uvec>::from(inside);
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
  Data data = selection.data(chosen.warp);
  const arma::uword ok = data.y.n_elem, all = ok + history.failed.size();
  const double worst = data.y.max(), noise_stddev = average_noise(data.known_noise, h.noise);
  data.x.resize(all, data.x.n_cols);
  data.y.resize(all);
  data.known_noise.resize(all);
  for (arma::uword i = ok; i < all; ++i) {
    data.x.row(i) = history.features[history.failed[i - ok]].t();
    data.y(i) = worst;
    data.known_noise(i) = arma::datum::nan;
  }

  Model model{.warp = chosen.warp,
              .gp = Gp(data, h),
              .noise_stddev = noise_stddev,
              .means = {},
              .warm_start = WarmStart{h, chosen.warp.strength()}.numbers()};
  model.means = model.gp.means().head(ok);
  model.best = model.means.elem(history.incumbents()).min();
  const LeaveOneOut loo = model.gp.leave_one_out();
  const arma::vec z = (data.y - loo.mean) / arma::sqrt(loo.variance);
  model.fit.loo_z.assign(z.begin(), z.begin() + ok);
  model.fit.lengthscales.assign(h.lengthscales.begin(), h.lengthscales.end());
  model.fit.outputscale = h.outputscale;
  model.fit.noise = h.noise;
  model.fit.mean = h.mean;
  model.fit.log_posterior = chosen.fitted.log_posterior;
  model.fit.warped = chosen.warp.strength() > 0.0;
  model.fit.evaluations = chosen.fitted.evaluations;
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
