#include "bo/model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "bo/fit.hpp"

namespace runner::bo {
namespace {

constexpr std::array kStrengths = {0.0, 1.0, 10.0, 100.0};
constexpr std::size_t kFewestForWarp = 6;
constexpr double kWarpGain = 2.0;  // nats of leave-one-out density that a warp must bring

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

// One candidate strength: the outcomes, the fit, and its leave-one-out density of y.
struct Trial {
  Warp warp;
  FittedParameters fitted;
  double density;
};

}  // namespace

History::History(const Encoding& encoding, std::span<const Observation> observations) {
  for (std::size_t i = 0; i < observations.size(); ++i) {
    const Observation& o = observations[i];
    points.push_back(encoding.checked(o.x, fmt::format("observation {}", i + 1)));
    features.push_back(encoding.encode(points.back()));
    if (o.status == Status::pending) {
      pending.push_back(i);
    } else if (o.status == Status::failed || !std::isfinite(o.y)) {
      failed.push_back(i);
    } else {
      ok.push_back(i);
    }
  }
}

std::vector<double> WarmStart::numbers() const {
  std::vector<double> out = hyperparameters.lengthscales;
  out.insert(out.end(),
             {hyperparameters.outputscale, hyperparameters.noise, hyperparameters.mean, strength});
  return out;
}

std::optional<WarmStart> WarmStart::from(std::span<const Observation> observations,
                                         std::size_t lengthscales) {
  for (std::size_t i = observations.size(); i-- > 0;) {
    const std::vector<double>& w = observations[i].warm_start;
    if (w.size() < length(lengthscales)) continue;
    const bool usable =
        std::all_of(w.begin(), w.begin() + static_cast<std::ptrdiff_t>(lengthscales) + 2,
                    [](double v) { return v > 0.0 && std::isfinite(v); });
    if (!usable) continue;
    const double* rest = w.data() + lengthscales;
    return WarmStart{{{w.begin(), w.begin() + static_cast<std::ptrdiff_t>(lengthscales)},
                      rest[0],
                      rest[1],
                      rest[2]},
                     rest[3]};
  }
  return std::nullopt;
}

Model make_model(const Encoding& encoding, const History& history,
                 std::span<const Observation> observations, std::span<const double> y, Noise noise,
                 const WarmStart* warm) {
  Data data = data_at(encoding, history, history.ok);
  std::vector<double> outcomes;
  for (const std::size_t i : history.ok) outcomes.push_back(y[i]);

  int evaluations = 0;
  const auto set_outcomes = [&](const Warp& warp) {
    data.y.clear();
    data.known_noise.clear();
    for (const std::size_t i : history.ok) {
      data.y.push_back(warp.forward(y[i]));
      const double slope = warp.slope(data.y.back());
      const double known = observations[i].noise_variance;
      data.known_noise.push_back(
          std::isnan(known) ? known : std::max(known / (slope * slope), kDeterministicNoise));
    }
  };
  std::array<double, kStrengths.size()> densities{};  // of every strength under the latest fit
  const auto attempt = [&](double strength, const Hyperparameters* start) {
    Trial trial{Warp(outcomes, strength), {}, 0.0};
    set_outcomes(trial.warp);
    trial.fitted = fit(data, noise, start);
    evaluations += trial.fitted.evaluations;
    const Gp gp(data, trial.fitted.hyperparameters);
    trial.density = gp.leave_one_out().log_density + trial.warp.log_jacobian();
    for (std::size_t k = 0; k < kStrengths.size(); ++k) {
      const Warp other(outcomes, kStrengths[k]);
      std::vector<double> z;
      for (const double value : outcomes) z.push_back(other.forward(value));
      densities[k] = gp.leave_one_out(z).log_density + other.log_jacobian();
    }
    return trial;
  };

  const Hyperparameters* start = warm ? &warm->hyperparameters : nullptr;
  Trial chosen = attempt(warm ? warm->strength : 0.0, start);
  if (outcomes.size() >= kFewestForWarp) {
    // A strength that looks better under this fit is given a fit of its own.
    for (int round = 0; round < 2; ++round) {
      const std::size_t k = static_cast<std::size_t>(
          std::max_element(densities.begin(), densities.end()) - densities.begin());
      if (kStrengths[k] == chosen.warp.strength()) break;
      Trial other = attempt(kStrengths[k], &chosen.fitted.hyperparameters);
      const double margin = kStrengths[k] > chosen.warp.strength() ? kWarpGain : -kWarpGain;
      if (!(other.density > chosen.density + margin)) break;
      chosen = std::move(other);
    }
  }

  set_outcomes(chosen.warp);
  const LeaveOneOut loo = Gp(data, chosen.fitted.hyperparameters).leave_one_out();
  Fit report;
  for (std::size_t i = 0; i < data.y.size(); ++i) {
    report.loo_z.push_back((data.y[i] - loo.mean[i]) / std::sqrt(loo.variance[i]));
  }
  const double worst = *std::max_element(data.y.begin(), data.y.end());
  std::vector<std::size_t> all = history.ok;
  all.insert(all.end(), history.failed.begin(), history.failed.end());
  Data whole = data_at(encoding, history, all);
  whole.y = data.y;
  whole.known_noise = data.known_noise;
  whole.y.resize(all.size(), worst);
  whole.known_noise.resize(all.size(), std::numeric_limits<double>::quiet_NaN());

  const Hyperparameters& h = chosen.fitted.hyperparameters;
  Model model{chosen.warp,
              Gp(whole, h),
              std::move(report),
              0.0,
              0,
              WarmStart{h, chosen.warp.strength()}.numbers()};
  model.best = std::numeric_limits<double>::infinity();
  for (const std::size_t i : history.ok) {
    const double mean = model.gp.predict(history.features[i], false).mean;
    if (mean < model.best) {
      model.best = mean;
      model.best_index = i;
    }
  }
  model.fit.lengthscales = h.lengthscales;
  model.fit.outputscale = h.outputscale;
  model.fit.noise = h.noise;
  model.fit.mean = h.mean;
  model.fit.log_posterior = chosen.fitted.log_posterior;
  model.fit.warped = chosen.warp.strength() > 0.0;
  model.fit.evaluations = evaluations;
  model.fit.fallback = chosen.fitted.fallback;
  if (model.gp.jitter() > 0.0) {
    model.fit.fallback += fmt::format("{}jitter {} on the diagonal",
                                      model.fit.fallback.empty() ? "" : "; ", model.gp.jitter());
  }
  return model;
}

}  // namespace runner::bo
