#include "report/coverage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

#include "report/resample.hpp"

namespace runner::report {
namespace {

double normal(random::Stream& stream) { return stream.normal(); }

double student3(random::Stream& stream) {
  const double z = stream.normal();
  double squares = 0.0;
  for (int i = 0; i < 3; ++i) squares += std::pow(stream.normal(), 2);
  return z / std::sqrt(squares / 3.0);
}

double lognormal(random::Stream& stream) { return std::exp(stream.normal()); }

constexpr double kCollapse = -20.0, kCollapses = 0.05;

double collapsing(random::Stream& stream) {
  const double z = stream.normal();
  return stream.uniform() < kCollapses ? z + kCollapse : z;
}

bool holds(const Interval& interval, double truth) {
  return interval.low <= truth && truth <= interval.high;  // NaN: no
}

// Spreads on the latent scale: of a row's difficulty for one method alone, of a trained model's
// level, of what chance adds to one prediction. A row's common difficulty has 1.
constexpr double kOwn = 0.5, kModel = 0.1, kNoise = 0.5;
constexpr double kEase = 0.8;  // a prediction is right where ease + all of these is above 0

// The share of all rows that a model of this level gets right.
double true_accuracy(double level) {
  const double scale = std::sqrt(1.0 + kOwn * kOwn + kNoise * kNoise);
  return 0.5 * std::erfc(-(kEase + level) / scale / std::sqrt(2.0));
}

}  // namespace

const std::array<Shape, kShapes>& shapes() {
  static const std::array<Shape, kShapes> kAll = {{
      {"normal", 0.0, normal},
      {"t(3)", 0.0, student3},
      {"lognormal", std::exp(0.5), lognormal},
      {"collapsing", kCollapses * kCollapse, collapsing},
  }};
  return kAll;
}

Coverage simulate_t(const Shape& shape, int seeds, int tasks, bool uneven, int simulations,
                    std::uint64_t seed) {
  random::Stream stream(random::derive(seed, shape.name, static_cast<std::uint64_t>(seeds)));
  Coverage result;
  std::vector<double> widths;
  for (int i = 0; i < simulations; ++i) {
    Strata strata(static_cast<std::size_t>(tasks));
    for (std::size_t t = 0; t < strata.size(); ++t) {
      const double scale = uneven ? std::pow(2.0, static_cast<double>(t % 3)) : 1.0;
      for (int s = 0; s < seeds; ++s) {
        strata[t].push_back(scale * (shape.draw(stream) - shape.mean));
      }
    }
    const Estimate found = estimate(strata);
    const Interval interval = found.interval(kLevel);
    result.covered += holds(interval, 0.0) ? 1.0 : 0.0;
    result.false_alarms += found.p_value() < kSignificance ? 1.0 : 0.0;
    if (!std::isnan(interval.low)) widths.push_back((interval.high - interval.low) / 2.0);
  }
  result.covered /= simulations;
  result.false_alarms /= simulations;
  std::ranges::sort(widths);
  result.half_width = quantile(widths, 0.5);
  return result;
}

CrossedCoverage simulate_crossed(int seeds, int tasks, int rows, int resamples, int simulations,
                                 std::uint64_t seed) {
  std::vector<data::Task> named(static_cast<std::size_t>(tasks));
  for (data::Task& task : named) {
    task.labels = {"wrong", "right"};
    task.metrics = {data::Metric::accuracy};
  }
  std::vector<std::size_t> all(named.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  random::Stream stream(random::derive(seed, "crossed", static_cast<std::uint64_t>(seeds)));
  CrossedCoverage result;
  for (int simulation = 0; simulation < simulations; ++simulation) {
    Strata differences;
    double first_models = 0.0;  // the true difference of the first seed's
    std::vector<std::vector<std::vector<experiment::Predictions>>> models;  // task, model, part
    for (int t = 0; t < tasks; ++t) {
      std::vector<double> common, own[2];
      for (int row = 0; row < rows; ++row) {
        common.push_back(kEase + stream.normal());
        for (auto& of : own) of.push_back(kOwn * stream.normal());
      }
      auto& of_task = models.emplace_back();
      auto& pairs = differences.emplace_back();
      for (int s = 0; s < seeds; ++s) {
        double scores[2] = {}, truths[2] = {};
        for (int method = 0; method < 2; ++method) {
          const double level = kModel * stream.normal();
          truths[method] = true_accuracy(level);
          experiment::Predictions predictions;
          for (std::size_t row = 0; row < common.size(); ++row) {
            const bool right =
                common[row] + own[method][row] + level + kNoise * stream.normal() > 0.0;
            predictions.labels.push_back(1.0f);
            predictions.predicted.push_back(right ? 1.0f : 0.0f);
            scores[method] += right ? 1.0 / rows : 0.0;
          }
          of_task.push_back({std::move(predictions)});
        }
        pairs.push_back(scores[0] - scores[1]);
        if (s == 0) first_models += 100.0 * (truths[0] - truths[1]) / tasks;
      }
    }
    std::vector<TaskPredictions> crossed, alone;
    for (std::size_t t = 0; t < named.size(); ++t) {
      named[t].name = fmt::format("{}/{}", simulation, t);  // as do the streams of resampling
      const auto& of_task = models[t];
      for (auto* predictions : {&crossed, &alone}) {
        predictions->push_back({.task = &named[t], .models = {}});
      }
      for (std::size_t model = 0; model < of_task.size(); ++model) {
        crossed.back().models[{model % 2, model / 2}] = &of_task[model];
        if (model < 2) alone.back().models[{model, 0}] = &of_task[model];
      }
    }
    result.t += holds(estimate(differences).interval(kLevel), 0.0) ? 1.0 : 0.0;
    const Interval both = Resampled(crossed, resamples).interval(all, 0, 1, kLevel);
    result.crossed += holds(both, 0.0) ? 1.0 : 0.0;
    const Interval over_rows = Resampled(alone, resamples).interval(all, 0, 1, kLevel);
    result.rows += holds(over_rows, first_models) ? 1.0 : 0.0;
  }
  for (double* share : {&result.t, &result.crossed, &result.rows}) *share /= simulations;
  return result;
}

}  // namespace runner::report
