#include "bo/suggest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "bo/axis.hpp"
#include "bo/hedge.hpp"
#include "bo/model.hpp"
#include "bo/search.hpp"
#include "bo/sobol.hpp"
#include "random/philox.hpp"

namespace runner::bo {
namespace {

// Standardised: PI without a margin stays beside the best point (Jones 2001, "A taxonomy of global
// optimization methods based on response surfaces", section 4.2).
constexpr double kMargin = 0.1;
constexpr std::size_t kAnchors = 6;  // observed points around which the search looks closely

void check(const Options& options) {
  acquisitions_of(options.acquisition);
  const double beta = options.beta;
  if (!(beta >= 0.0) || !std::isfinite(beta)) refuse("beta must be a finite number >= 0");
  if (options.initial < 0) refuse("initial must be >= 0");
  if (!(options.stop_expected_improvement >= 0.0)) {
    refuse("stop_expected_improvement must be >= 0");
  }
}

// OpenBLAS's serial build hands out its work buffers without a lock, so that two threads in it may
// be given the same one: a search, which takes milliseconds, has it to itself.
std::mutex one_search;

// One call of suggest: what is known, and the points proposed so far in this call.
class Study {
 public:
  Study(const Space& space, std::span<const Observation> observations, const Options& options,
        std::uint64_t seed)
      : encoding_(space),
        observations_(observations),
        options_(options),
        seed_(seed),
        objectives_(options.acquisition == "ehvi" ? 2 : 1),
        history_(encoding_, observations, objectives_,
                 options.keep_outside ? Outside::kept : Outside::refused) {
    check(options);
    for (std::size_t i = 0; i < options.starts.size(); ++i) {
      const std::string name = fmt::format("start {}", i + 1);
      starts_.push_back(encoding_.checked(options.starts[i], name));
      if (!encoding_.is_inside(starts_.back())) {
        refuse("{} has a value that is not proposed any more", name);
      }
    }
  }

  Suggestion next() {
    Suggestion suggestion = propose();
    arma::vec features = encoding_.encode(suggestion.x);
    suggestion.repeated = contains(history_.features, features);
    history_.pending.push_back(history_.points.size());
    history_.points.push_back(suggestion.x);
    history_.features.push_back(std::move(features));
    for (Model& model : models_) model.gp.believe(history_.features.back());
    return suggestion;
  }

  std::vector<Prediction> predict(std::span<const Point> points) {
    if (history_.ok.empty()) return {};
    make_models();
    std::vector<Prediction> predictions;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const Point point = encoding_.checked(points[i], fmt::format("point {}", i + 1));
      predictions.push_back(predict_outcome(models_.front(), encoding_.encode(point)));
    }
    return predictions;
  }

  std::vector<Recommendation> recommend() {
    if (history_.inside.empty()) return {};
    make_models();
    const bool exact = options_.noise == Noise::deterministic;
    std::vector<std::size_t> indices;
    std::vector<arma::vec> seen;
    std::vector<Outcome> outcomes;  // of a single objective the second is 0
    for (const std::size_t k : history_.inside) {
      const std::size_t i = history_.ok[k];
      if (!exact && contains(seen, history_.features[i])) continue;  // its means differ by rounding
      seen.push_back(history_.features[i]);
      indices.push_back(i);
      Outcome& outcome = outcomes.emplace_back();
      for (std::size_t m = 0; m < objectives_; ++m) {
        const double y = m == 0 ? observations_[i].y : observations_[i].y2;
        outcome[m] = exact ? y : models_[m].means(k);
      }
    }
    std::vector<Recommendation> chosen;
    for (const Outcome& member : pareto_front(outcomes)) {
      const auto first = std::ranges::find(outcomes, member) - outcomes.begin();
      const std::size_t i = indices[static_cast<std::size_t>(first)];
      Recommendation& row = chosen.emplace_back();
      row.index = i;
      for (std::size_t m = 0; m < objectives_; ++m) {
        row.predictions[m] = predict_outcome(models_[m], history_.features[i]);
      }
    }
    return chosen;
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
    const int design =
        options_.initial > 0 ? options_.initial : start_design(encoding_.degrees_of_freedom());
    const std::size_t first = std::max(static_cast<std::size_t>(design), starts_.size());
    if (history_.points.size() < first || history_.ok.empty()) {
      fill("sobol", suggestion);
    } else if (encoding_.features() == 0) {
      fill("random", suggestion);
    } else {
      acquire(suggestion);
    }
    return suggestion;
  }

  // The next point of a low-discrepancy sequence that is not in the history.
  void fill(const char* source, Suggestion& suggestion) const {
    suggestion.source = source;
    const Sobol sobol(encoding_.cube(), random::derive(seed_, "design"));
    std::vector<double> u(encoding_.cube());
    constexpr std::size_t kTries = 64;
    for (std::size_t k = 0; k < kTries; ++k) {
      sobol.point(static_cast<std::uint32_t>(history_.points.size() + k), u);
      suggestion.x = encoding_.from_cube(u);
      if (!contains(history_.features, encoding_.encode(suggestion.x))) return;
    }
    const Point last = suggestion.x;
    for (std::size_t i = 0; i < encoding_.count(); ++i) {
      suggestion.x = encoding_.enumerate(i);
      if (!contains(history_.features, encoding_.encode(suggestion.x))) return;
    }
    suggestion.x = last;
    suggestion.exhausted = encoding_.count() > 0;
  }

  void make_models() {
    for (std::size_t k = models_.size(); k < objectives_; ++k) {
      models_.push_back(make_model(encoding_, history_, observations_, options_.noise, k));
    }
  }

  // In units of the outcome.
  static Prediction predict_outcome(const Model& model, const arma::vec& features) {
    const Gp::Posterior here = model.gp.predict(features);
    return {model.warp.inverse(here.mean), model.warp.stddev(here.mean, std::sqrt(here.variance))};
  }

  void acquire(Suggestion& suggestion) {
    make_models();
    const Model& model = models_.front();
    suggestion.fit = model.fit;
    for (const Model& m : models_) {
      suggestion.warm_start.insert(suggestion.warm_start.end(), m.warm_start.begin(),
                                   m.warm_start.end());
    }
    const bool found = objectives_ == 2 ? choose_ehvi(suggestion) : choose_row(suggestion);
    if (!found) fill("random", suggestion);
    const Prediction here = predict_outcome(model, encoding_.encode(suggestion.x));
    suggestion.mean = here.mean;
    suggestion.stddev = here.stddev;
    if (options_.stop_expected_improvement > 0.0 && objectives_ == 1) {
      suggestion.exhausted |= largest_improvement() < options_.stop_expected_improvement;
    }
  }

  // The observed points with the lowest means of each objective.
  std::vector<Point> anchors() const {
    std::vector<Point> points;
    for (const Model& model : models_) {
      std::vector<std::size_t> ranked = history_.inside;
      std::ranges::stable_sort(ranked, {}, [&](std::size_t k) { return model.means(k); });
      ranked.resize(std::min(ranked.size(), kAnchors));
      for (const std::size_t k : ranked) points.push_back(history_.points[history_.ok[k]]);
    }
    return points;
  }

  std::optional<Found> search(AcquisitionSurface surface) const {
    // In a finite space where the fit found noise a point may be measured again, unless it is being
    // measured.
    std::vector<arma::vec> avoid;
    const bool noisy =
        std::ranges::any_of(models_, [](const Model& model) { return model.noise_stddev > 0.0; });
    if (noisy && options_.noise == Noise::learned && encoding_.count() > 0) {
      for (const std::size_t i : history_.pending) avoid.push_back(history_.features[i]);
    } else {
      avoid = history_.features;
    }
    return maximise(encoding_, surface, anchors(), avoid,
                    random::derive(seed_, "search", history_.points.size()));
  }

  AcquisitionContext context() const {
    const Model& model = models_.front();
    return {model.best, options_.beta, model.noise_stddev, kMargin};
  }

  // The maximiser of one acquisition, or of LogEI where that acquisition is 0 in double precision.
  std::optional<Found> nominate(const Acquisition& row, std::string& fallback) const {
    const Gp& gp = models_.front().gp;
    auto found = search({gp, row, context()});
    if (!row.underflows || !found || found->value > 0.0) return found;
    fallback += fmt::format("{}{} is 0 everywhere in double precision: LogEI was maximised",
                            fallback.empty() ? "" : "; ", row.name);
    return search({gp, *acquisitions_of("logei").front(), context()});
  }

  static void take(const Found& found, std::string_view source, Suggestion& suggestion) {
    suggestion.x = found.x;
    suggestion.acquisition_value = found.value;
    suggestion.source = source;
  }

  // One row proposes; of a hedge all rows nominate, one is drawn, and the nominees are stored for
  // later rounds to judge.
  bool choose_row(Suggestion& suggestion) const {
    const auto rows = acquisitions_of(options_.acquisition);
    const bool hedge = options_.acquisition == "hedge";
    const std::size_t chosen = hedge ? hedged(rows.size()) : history_.points.size() % rows.size();
    for (std::size_t k = 0; k < rows.size(); ++k) {
      if (!hedge && k != chosen) continue;
      const auto found = nominate(*rows[k], suggestion.fit.fallback);
      if (!found) return false;
      if (hedge) {
        suggestion.nominees.insert(suggestion.nominees.end(), found->x.begin(), found->x.end());
      }
      if (k == chosen) take(*found, rows[k]->name, suggestion);
    }
    return true;
  }

  // Which of `rows` acquisitions the portfolio draws, from the nominees of earlier rounds.
  std::size_t hedged(std::size_t rows) const {
    const std::size_t columns = history_.points.front().size();
    std::vector<std::vector<arma::vec>> rounds;
    for (std::size_t i = 0; i < observations_.size(); ++i) {
      const std::span<const double> stored = observations_[i].nominees;
      if (stored.size() != rows * columns) continue;
      auto& round = rounds.emplace_back();
      for (std::size_t k = 0; k < rows; ++k) {
        const auto part = stored.subspan(k * columns, columns);
        const std::string name = fmt::format("nominee {} of observation {}", k + 1, i + 1);
        const Point nominee = encoding_.checked({part.begin(), part.end()}, name, Outside::kept);
        round.push_back(encoding_.encode(nominee));
      }
    }
    const arma::vec shares = arma::cumsum(hedge_probabilities(models_.front().gp, rounds, rows));
    random::Stream stream(random::derive(seed_, "hedge", history_.points.size()));
    const arma::uvec above = arma::find(shares > stream.uniform(), 1);
    return above.empty() ? rows - 1 : above(0);
  }

  bool choose_ehvi(Suggestion& suggestion) const {
    std::vector<Outcome> outcomes;
    for (const arma::uword k : history_.incumbents()) {
      outcomes.push_back({models_[0].means(k), models_[1].means(k)});
    }
    const std::vector<Outcome> front = pareto_front(std::move(outcomes));
    const auto found = search({models_[0].gp, models_[1].gp, front});
    if (found) take(*found, "ehvi", suggestion);
    return found.has_value();
  }

  // The largest expected improvement in units of the standard deviation of y.
  double largest_improvement() const {
    const Model& model = models_.front();
    const auto found = search({model.gp, *acquisitions_of("logei").front(), context()});
    return found ? std::exp(found->value) * model.warp.relative_slope(model.best) : 0.0;
  }

  const std::lock_guard<std::mutex> alone_{one_search};
  Encoding encoding_;
  std::span<const Observation> observations_;
  const Options& options_;
  std::uint64_t seed_;
  std::size_t objectives_;
  EncodedHistory history_;
  std::vector<Point> starts_;
  std::vector<Model> models_;  // one per objective, made when first needed
};

}  // namespace

Suggestion suggest(const Space& space, std::span<const Observation> history, const Options& options,
                   std::uint64_t seed) {
  return suggest(space, history, options, seed, 1).front();
}

std::vector<Suggestion> suggest(const Space& space, std::span<const Observation> history,
                                const Options& options, std::uint64_t seed, int count) {
  Study study(space, history, options, seed);
  std::vector<Suggestion> suggestions;
  for (int k = 0; k < count; ++k) suggestions.push_back(study.next());
  return suggestions;
}

std::vector<Recommendation> recommend(const Space& space, std::span<const Observation> history,
                                      const Options& options) {
  return Study(space, history, options, 0).recommend();
}

std::vector<Prediction> predict(const Space& space, std::span<const Observation> history,
                                const Options& options, std::span<const Point> points) {
  return Study(space, history, options, 0).predict(points);
}

}  // namespace runner::bo
