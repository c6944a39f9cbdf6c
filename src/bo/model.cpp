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
constexpr std::size_t kFitPoints = 300;  // more are fitted on a part of them, then refined

double outcome(const Observation& o, std::size_t objective) { return objective == 0 ? o.y : o.y2; }

Data data_at(const Encoding& encoding, const History& history,
             std::span<const std::size_t> indices) {
  Data data{Matrix(encoding.features(), indices.size()),
            encoding.groups(),
            encoding.lengthscales(),
            {},
            {}};
  for (std::size_t j = 0; j < indices.size(); ++j) {
    for (std::size_t f = 0; f < encoding.features(); ++f) {
      data.x(f, j) = history.features[indices[j]][f];
    }
  }
  return data;
}

// The best third of kFitPoints and an even choice of the others, in the order of the history.
std::vector<std::size_t> part_of(std::span<const std::size_t> indices, std::span<const double> y) {
  std::vector<std::size_t> order(indices.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (order.size() > kFitPoints) {
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return y[a] < y[b]; });
    constexpr std::size_t best = kFitPoints / 3, wanted = kFitPoints - best;
    const std::size_t others = order.size() - best;
    std::sort(order.begin() + best, order.end());
    for (std::size_t k = 0; k < wanted; ++k) order[best + k] = order[best + k * others / wanted];
    order.resize(kFitPoints);
    std::sort(order.begin(), order.end());
  }
  for (std::size_t& k : order) k = indices[k];
  return order;
}

// One candidate strength: the outcomes, the fit, and the leave-one-out densities of y under it.
struct Candidate {
  Warp warp;
  FittedParameters fitted;
  double density = 0.0;
  std::array<double, kStrengths.size()> densities{};  // with the other strengths' outcomes
};

// The choice of a warp and hyperparameters for one objective.
class Selection {
 public:
  Selection(const Encoding& encoding, const History& history,
            std::span<const Observation> observations, Noise noise, std::size_t objective)
      : encoding_(encoding),
        history_(history),
        observations_(observations),
        noise_(noise),
        objective_(objective) {
    for (const std::size_t i : history.ok) y_.push_back(outcome(observations[i], objective));
  }

  Candidate choose() {
    const auto warm = WarmStart::from(observations_, encoding_.lengthscales(), objective_);
    const std::vector<std::size_t> part = part_of(history_.ok, y_);
    Candidate chosen =
        candidate(part, warm ? warm->strength : 0.0, warm ? &warm->hyperparameters : nullptr);
    for (int round = 0; round < kWarpRounds && part.size() >= kFewestForWarp; ++round) {
      const auto k = static_cast<std::size_t>(
          std::max_element(chosen.densities.begin(), chosen.densities.end()) -
          chosen.densities.begin());
      if (kStrengths[k] == chosen.warp.strength()) break;
      Candidate other = candidate(part, kStrengths[k], &chosen.fitted.hyperparameters);
      const double margin = kStrengths[k] > chosen.warp.strength() ? kWarpGain : -kWarpGain;
      if (!(other.density > chosen.density + margin)) break;
      chosen = std::move(other);
    }
    if (part.size() < history_.ok.size()) {
      const Data whole = data(history_.ok, chosen.warp);
      const std::string fallback = chosen.fitted.fallback;
      chosen.fitted = refine(whole, chosen.fitted.hyperparameters);
      evaluations_ += chosen.fitted.evaluations;
      if (chosen.fitted.fallback.empty()) chosen.fitted.fallback = fallback;
    }
    return chosen;
  }

  // The observations `indices` under a warp; noise of known variance to first order.
  Data data(std::span<const std::size_t> indices, const Warp& warp) const {
    Data data = data_at(encoding_, history_, indices);
    for (const std::size_t i : indices) {
      data.y.push_back(warp.forward(outcome(observations_[i], objective_)));
      const double slope = warp.slope(data.y.back());
      const double variance =
          objective_ == 0 ? observations_[i].noise_variance : observations_[i].noise_variance2;
      const double known = variance / slope / slope;
      data.known_noise.push_back(std::isnan(known) ? known
                                                   : std::clamp(known, kSmallestNoise, kMostNoise));
    }
    return data;
  }

  int evaluations() const { return evaluations_; }

 private:
  static constexpr double kMostNoise = 1e6;

  Candidate candidate(std::span<const std::size_t> part, double strength,
                      const Hyperparameters* start) {
    Candidate candidate{Warp(y_, strength), {}};
    const Data sample = data(part, candidate.warp);
    candidate.fitted = fit(sample, noise_, start);
    evaluations_ += candidate.fitted.evaluations;
    const Gp gp(sample, candidate.fitted.hyperparameters);
    const double share = static_cast<double>(part.size()) / static_cast<double>(y_.size());
    candidate.density = gp.leave_one_out().log_density + share * candidate.warp.log_jacobian();
    for (std::size_t k = 0; k < kStrengths.size(); ++k) {
      const Warp other(y_, kStrengths[k]);
      std::vector<double> z;
      for (const std::size_t i : part) {
        z.push_back(other.forward(outcome(observations_[i], objective_)));
      }
      candidate.densities[k] = gp.leave_one_out(z).log_density + share * other.log_jacobian();
    }
    return candidate;
  }

  const Encoding& encoding_;
  const History& history_;
  std::span<const Observation> observations_;
  Noise noise_;
  std::size_t objective_;
  std::vector<double> y_;
  int evaluations_ = 0;
};

// The stddev of an observation's noise, in the mean of variances; the floor counts as none.
double average_noise(std::span<const double> known, double learned) {
  double sum = 0.0;
  for (const double variance : known) sum += std::isnan(variance) ? learned : variance;
  const double mean = sum / static_cast<double>(known.size());
  return mean > kSmallestNoise * (1.0 + 1e-9) ? std::sqrt(mean) : 0.0;  // the sum was rounded
}

}  // namespace

History::History(const Encoding& encoding, std::span<const Observation> observations,
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
    inside.push_back(encoding.is_inside(points.back()));
    features.push_back(encoding.encode(points.back()));
    if (o.status == Status::pending) {
      pending.push_back(i);
    } else if (o.status == Status::failed || !std::isfinite(o.y) ||
               (objectives > 1 && !std::isfinite(o.y2))) {
      failed.push_back(i);
    } else {
      ok.push_back(i);
    }
  }
}

std::vector<std::size_t> History::incumbents() const {
  std::vector<std::size_t> all, within;
  for (std::size_t k = 0; k < ok.size(); ++k) {
    all.push_back(k);
    if (inside[ok[k]]) within.push_back(k);
  }
  return within.empty() ? all : within;
}

std::vector<double> WarmStart::numbers() const {
  std::vector<double> out = hyperparameters.lengthscales;
  out.insert(out.end(),
             {hyperparameters.outputscale, hyperparameters.noise, hyperparameters.mean, strength});
  return out;
}

std::optional<WarmStart> WarmStart::from(std::span<const Observation> observations,
                                         std::size_t lengthscales, std::size_t objective) {
  for (std::size_t i = observations.size(); i-- > 0;) {
    std::span<const double> numbers = observations[i].warm_start;
    if (numbers.size() < (objective + 1) * length(lengthscales)) continue;
    numbers = numbers.subspan(objective * length(lengthscales), length(lengthscales));
    const auto scales = numbers.first(lengthscales + 2);  // and the output scale and the noise
    const bool usable =
        std::all_of(scales.begin(), scales.end(),
                    [](double v) { return v > 0.0 && std::isfinite(v); }) &&
        std::find(kStrengths.begin(), kStrengths.end(), numbers.back()) != kStrengths.end();
    if (!usable) continue;
    const auto lengths = numbers.first(lengthscales);
    return WarmStart{{{lengths.begin(), lengths.end()},
                      numbers[lengthscales],
                      numbers[lengthscales + 1],
                      numbers[lengthscales + 2]},
                     numbers.back()};
  }
  return std::nullopt;
}

Model make_model(const Encoding& encoding, const History& history,
                 std::span<const Observation> observations, Noise noise, std::size_t objective) {
  Selection selection(encoding, history, observations, noise, objective);
  const Candidate chosen = selection.choose();
  const Hyperparameters& h = chosen.fitted.hyperparameters;
  const Data ok = selection.data(history.ok, chosen.warp);

  std::vector<std::size_t> all = history.ok;
  all.insert(all.end(), history.failed.begin(), history.failed.end());
  Data data = data_at(encoding, history, all);
  data.y = ok.y;
  data.known_noise = ok.known_noise;
  data.y.resize(all.size(), *std::max_element(ok.y.begin(), ok.y.end()));
  data.known_noise.resize(all.size(), std::numeric_limits<double>::quiet_NaN());

  Model model{.warp = chosen.warp,
              .gp = Gp(data, h),
              .noise_stddev = average_noise(ok.known_noise, h.noise),
              .means = {},
              .warm_start = WarmStart{h, chosen.warp.strength()}.numbers()};
  model.means = model.gp.means();
  model.means.resize(history.ok.size());
  const std::vector<std::size_t> incumbents = history.incumbents();
  const std::size_t best = *std::min_element(
      incumbents.begin(), incumbents.end(),
      [&](std::size_t a, std::size_t b) { return model.means[a] < model.means[b]; });
  model.best = model.means[best];
  model.best_index = history.ok[best];
  const LeaveOneOut loo = model.gp.leave_one_out();
  for (std::size_t i = 0; i < ok.y.size(); ++i) {
    model.fit.loo_z.push_back((ok.y[i] - loo.mean[i]) / std::sqrt(loo.variance[i]));
  }
  model.fit.lengthscales = h.lengthscales;
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
