// The rules that search the simplex.
#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "fusion/rules.hpp"

namespace runner::fusion {
namespace {

// Of mirror descent. A step that lowers the loss doubles the rate, one that does not is taken back
// with a quarter of it.
constexpr double kLargestRate = 4.0, kSmallestRate = 1.0 / 64;

// Index of the lowest finite value, the first of equals.
template <typename Value>
std::size_t lowest(std::span<const Measured> measured, const Value& value) {
  std::size_t best = measured.size();
  for (std::size_t i = 0; i < measured.size(); ++i) {
    if (!std::isfinite(value(measured[i]))) continue;
    if (best == measured.size() || value(measured[i]) < value(measured[best])) best = i;
  }
  if (best == measured.size()) {
    throw NothingFinite("no fusion of the snapshots has a finite value");
  }
  return best;
}

Step answer(const Measured& chosen) {
  Step step;
  step.alpha = chosen.alpha;
  return step;
}

// The variance of the noise of a value in bf16, from those of the starts that lie on a segment:
// known once all of them are measured, else NaN.
double noise_variance(const Progress& progress, Objective objective) {
  const auto mean = static_cast<std::size_t>(progress.snapshots);  // its place among the starts
  const std::size_t first = inner_starts(progress.snapshots, Precision::fp32).size();
  const std::size_t end = inner_starts(progress.snapshots, progress.options.precision).size();
  if (first == end || progress.measured.size() < end) return std::nan("");
  std::vector<double> values = {value_of(progress.measured.front(), objective)};
  for (std::size_t i = first; i < end; ++i) {
    values.push_back(value_of(progress.measured[i], objective));
  }
  values.push_back(value_of(progress.measured[mean], objective));
  return wiggle_variance(values);
}

// The next mix of the inner loop, or nothing when the evaluations are spent or nothing is left to
// gain.
std::optional<Step> next_of_search(const Progress& progress, std::string_view acquisition,
                                   std::span<const Objective> objectives) {
  const Options& options = progress.options;
  const auto measured = progress.measured;
  if (static_cast<int>(measured.size()) >= options.evaluations) return {};
  if (progress.snapshots == 1 && !measured.empty()) return {};  // a simplex of one point
  bo::Space simplex;
  bo::Variable& weights = simplex.variables.emplace_back();
  weights.name = "alpha";
  weights.type = bo::Type::simplex;
  weights.size = progress.snapshots;
  bo::Options search;
  search.acquisition = acquisition;
  search.beta = options.beta;
  search.noise = bo::Noise::deterministic;
  search.starts = inner_starts(progress.snapshots, options.precision);
  // The starts are a design already: the model takes over right after them.
  search.initial = static_cast<int>(search.starts.size());
  search.stop_expected_improvement = options.stop_expected_improvement;
  const double noise = noise_variance(progress, objectives.front());
  const double noise2 = noise_variance(progress, objectives.back());
  std::vector<bo::Observation> observations;
  for (const Measured& point : measured) {
    bo::Observation& seen = observations.emplace_back();
    seen.x = point.alpha;
    seen.y = value_of(point, objectives.front());
    if (objectives.size() > 1) seen.y2 = value_of(point, objectives.back());
    const bool finite = std::isfinite(seen.y) && (objectives.size() == 1 || std::isfinite(seen.y2));
    seen.status = finite ? bo::Status::ok : bo::Status::failed;
    seen.noise_variance = noise;
    seen.noise_variance2 = noise2;
    seen.warm_start = point.warm_start;
    seen.nominees = point.nominees;
  }
  Step step;
  step.why = bo::suggest(simplex, observations, search, progress.seed);
  if (step.why.exhausted) return {};
  step.kind = Step::Kind::measure;
  step.alpha = std::move(step.why.x);
  step.objective = objectives.front();
  for (const Objective objective : objectives) {
    (objective == Objective::training_loss ? step.loss : step.selection) = true;
  }
  return step;
}

}  // namespace

Step search_one(const Progress& progress) {
  const Objective objectives[] = {progress.options.objective};
  auto next = next_of_search(progress, progress.options.acquisition, objectives);
  if (next) return *std::move(next);
  const auto value = [&](const Measured& point) { return value_of(point, objectives[0]); };
  return answer(progress.measured[lowest(progress.measured, value)]);
}

Step search_two(const Progress& progress) {
  const Objective objectives[] = {progress.options.objective, progress.options.second};
  auto next = next_of_search(progress, "ehvi", objectives);
  if (next) return *std::move(next);
  const auto second = [&](const Measured& point) { return value_of(point, objectives[1]); };
  const double best = second(progress.measured[lowest(progress.measured, second)]);
  // Of those, the lowest by the first.
  const auto first = [&](const Measured& point) {
    return second(point) == best ? value_of(point, objectives[0]) : std::nan("");
  };
  return answer(progress.measured[lowest(progress.measured, first)]);
}

// Exponentiated gradient (Kivinen, Warmuth 1997) from the best mix so far, so that weights stay on
// the simplex and the loss never rises: alpha_k <- alpha_k exp(-rate g_k / max |g|), g the gradient
// less its mean under alpha.
Step descend(const Progress& progress) {
  const auto measured = progress.measured;
  const auto size = static_cast<std::size_t>(progress.snapshots);
  Step step;
  step.kind = Step::Kind::measure;
  step.gradient = true;
  step.objective = Objective::training_loss;
  step.why.source = "gradient";
  step.alpha.assign(size, 1.0 / static_cast<double>(size));
  if (measured.empty()) return step;

  const std::size_t best = lowest(measured, [](const Measured& point) { return point.loss; });
  double rate = 1.0, least = measured.front().loss;
  for (const Measured& point : measured.subspan(1)) {
    const bool lower = point.loss < least;
    if (lower) least = point.loss;
    rate = lower ? std::min(2.0 * rate, kLargestRate) : 0.25 * rate;
  }
  const std::vector<double>& alpha = measured[best].alpha;
  std::vector<double> slope = measured[best].gradient;
  double mean = 0.0, steepest = 0.0;
  for (std::size_t k = 0; k < size; ++k) mean += alpha[k] * slope[k];
  for (double& g : slope) {
    g -= mean;
    steepest = std::max(steepest, std::abs(g));
  }
  const bool spent = static_cast<int>(measured.size()) >= progress.options.evaluations;
  if (spent || rate < kSmallestRate || !(steepest > 0.0) || !std::isfinite(steepest)) {
    return answer(measured[best]);
  }
  double sum = 0.0;
  for (std::size_t k = 0; k < size; ++k) {
    step.alpha[k] = alpha[k] * std::exp(-rate * slope[k] / steepest);
    sum += step.alpha[k];
  }
  for (double& weight : step.alpha) weight /= sum;
  return step;
}

}  // namespace runner::fusion
