#include "bo/suggest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>

#include "bo/acquisition.hpp"
#include "bo/fit.hpp"
#include "bo/model.hpp"
#include "bo/search.hpp"
#include "bo/sobol.hpp"
#include "random/philox.hpp"

namespace runner::bo {
namespace {

constexpr std::size_t kAnchors = 6;

void check(const Options& options) {
  acquisitions_of(options.acquisition);
  if (!(options.beta >= 0.0) || !std::isfinite(options.beta)) {
    throw std::invalid_argument("beta must be a finite number >= 0");
  }
  if (options.initial < 0) throw std::invalid_argument("initial must be >= 0");
  if (!(options.stop_expected_improvement >= 0.0)) {
    throw std::invalid_argument("stop_expected_improvement must be >= 0");
  }
}

Prediction prediction(const Posterior& p) { return {p.mean, std::sqrt(p.variance)}; }

// The acquisition over the model's posterior, with the chain rule through the standard deviation.
Utility utility_of(const Gp& gp, const Acquisition& acquisition,
                   const AcquisitionContext& context) {
  return {[&](std::span<const double> x, std::span<double> gradient) {
            const Posterior& p = gp.predict(x, true);
            const Prediction here = prediction(p);
            const AcquisitionValue a = acquisition.function(here, context);
            for (std::size_t f = 0; f < x.size(); ++f) {
              gradient[f] = a.by_mean * p.mean_gradient[f] +
                            a.by_stddev * p.variance_gradient[f] / (2.0 * here.stddev);
            }
            return a.value;
          },
          [&](const Matrix& x) {
            std::vector<double> mean, variance, values;
            gp.predict(x, mean, variance);
            for (std::size_t c = 0; c < mean.size(); ++c) {
              const Prediction here{mean[c], std::sqrt(variance[c])};
              values.push_back(acquisition.function(here, context).value);
            }
            return values;
          }};
}

class Study {
 public:
  Study(const Space& space, std::span<const Observation> observations, const Options& options,
        std::uint64_t seed)
      : encoding_(space),
        observations_(observations),
        options_(options),
        seed_(seed),
        history_(encoding_, observations) {
    check(options);
    for (std::size_t i = 0; i < options.starts.size(); ++i) {
      starts_.push_back(encoding_.checked(options.starts[i], fmt::format("start {}", i + 1)));
    }
  }

  Suggestion next() {
    Suggestion suggestion = propose();
    // Whoever asks for another point sees this one as pending.
    history_.pending.push_back(history_.points.size());
    history_.points.push_back(suggestion.x);
    history_.features.push_back(encoding_.encode(suggestion.x));
    if (model_) model_->gp.believe(history_.features.back());
    return suggestion;
  }

 private:
  Suggestion propose() {
    Suggestion suggestion;
    for (const Point& start : starts_) {
      if (contains(history_.features, encoding_.encode(start))) continue;
      suggestion.x = start;
      suggestion.source = "start";
      return suggestion;
    }
    const std::size_t wanted =
        options_.initial > 0 ? static_cast<std::size_t>(options_.initial)
                             : 2 * static_cast<std::size_t>(encoding_.degrees_of_freedom()) + 2;
    if (history_.points.size() < std::max(wanted, starts_.size()) || history_.ok.empty()) {
      return fill("sobol");
    }
    return encoding_.features() == 0 ? fill("random") : acquire();
  }

  // The next point of a low-discrepancy sequence that is not in the history.
  Suggestion fill(const char* source) {
    Suggestion suggestion;
    suggestion.source = source;
    const Sobol sobol(encoding_.cube(), random::derive(seed_, "design"));
    std::vector<double> u(encoding_.cube());
    const std::size_t tries = encoding_.count() > 0 ? 4 * encoding_.count() + 16 : 16;
    for (std::size_t k = 0; k < tries; ++k) {
      sobol.point(static_cast<std::uint32_t>(history_.points.size() + k), u);
      suggestion.x = encoding_.from_cube(u);
      if (!contains(history_.features, encoding_.encode(suggestion.x))) return suggestion;
    }
    for (std::size_t i = 0; i < encoding_.count(); ++i) {
      suggestion.x = encoding_.enumerate(i);
      if (!contains(history_.features, encoding_.encode(suggestion.x))) return suggestion;
    }
    suggestion.exhausted = true;
    return suggestion;
  }

  void make_model_once() {
    if (model_) return;
    const auto warm = WarmStart::from(observations_, encoding_.lengthscales());
    std::vector<double> y;
    for (const Observation& o : observations_) y.push_back(o.y);
    model_.emplace(
        make_model(encoding_, history_, observations_, y, options_.noise, warm ? &*warm : nullptr));
    for (const std::size_t i : history_.pending) model_->gp.believe(history_.features[i]);
  }

  // The observed points with the lowest means: where to look closely.
  std::vector<Point> anchors() const {
    std::vector<std::pair<double, std::size_t>> ranked;
    for (const std::size_t i : history_.ok) {
      ranked.emplace_back(model_->gp.predict(history_.features[i], false).mean, i);
    }
    std::sort(ranked.begin(), ranked.end());
    std::vector<Point> points;
    for (std::size_t k = 0; k < std::min(kAnchors, ranked.size()); ++k) {
      points.push_back(history_.points[ranked[k].second]);
    }
    return points;
  }

  Suggestion acquire() {
    make_model_once();
    const auto rows = acquisitions_of(options_.acquisition);
    const Acquisition& row = *rows[history_.points.size() % rows.size()];
    const AcquisitionContext context{model_->best, options_.beta};
    const Gp& gp = model_->gp;
    const auto found =
        maximise(encoding_, utility_of(gp, row, context), anchors(), history_.features,
                 random::derive(seed_, "search", history_.points.size()));
    Suggestion suggestion;
    suggestion.fit = model_->fit;
    suggestion.warm_start = model_->warm_start;
    if (found) {
      suggestion.x = found->x;
      suggestion.source = row.name;
      suggestion.acquisition_value = found->value;
    } else {
      suggestion = fill("random");
    }
    const Prediction here = prediction(gp.predict(encoding_.encode(suggestion.x), false));
    suggestion.mean = model_->warp.inverse(here.mean);
    suggestion.stddev = here.stddev * model_->warp.slope(here.mean);
    if (options_.stop_expected_improvement > 0.0) {
      const Acquisition& log_ei = *acquisitions_of("logei").front();
      const double log_best = log_ei.function(here, context).value;
      suggestion.exhausted |= std::exp(log_best) < options_.stop_expected_improvement;
    }
    return suggestion;
  }

  Encoding encoding_;
  std::span<const Observation> observations_;
  const Options& options_;
  std::uint64_t seed_;
  History history_;
  std::vector<Point> starts_;
  std::optional<Model> model_;
};

}  // namespace

Suggestion suggest(const Space& space, std::span<const Observation> history, const Options& options,
                   std::uint64_t seed) {
  return Study(space, history, options, seed).next();
}

std::vector<Suggestion> suggest(const Space& space, std::span<const Observation> history,
                                const Options& options, std::uint64_t seed, int count) {
  Study study(space, history, options, seed);
  std::vector<Suggestion> suggestions;
  for (int k = 0; k < count; ++k) suggestions.push_back(study.next());
  return suggestions;
}

}  // namespace runner::bo
