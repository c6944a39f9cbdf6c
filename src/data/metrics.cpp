#include "data/metrics.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <stdexcept>

#include "io/error.hpp"

namespace runner::data {
namespace {

// 1-based ranks; equal values share the mean of theirs.
std::vector<double> average_ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double rank = 0.5 * static_cast<double>(begin + 1 + end);
    for (; begin < end; ++begin) ranks[order[begin]] = rank;
  }
  return ranks;
}

bool constant(std::span<const double> values) {
  return std::ranges::all_of(values, [&](double v) { return v == values[0]; });
}

bool finite(std::span<const double> values) {
  return std::ranges::all_of(values, [](double v) { return std::isfinite(v); });
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

MetricValue defined(double value) { return {value, false}; }
constexpr MetricValue kUndefined{0.0, true};

}  // namespace

MetricValue accuracy(std::span<const int> predicted, std::span<const int> labels) {
  if (labels.empty()) return kUndefined;
  std::int64_t right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) right += predicted[i] == labels[i];
  return defined(static_cast<double>(right) / static_cast<double>(labels.size()));
}

MetricValue f1(std::span<const int> predicted, std::span<const int> labels, int positive) {
  std::int64_t both = 0, said = 0, are = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    said += predicted[i] == positive;
    are += labels[i] == positive;
    both += predicted[i] == positive && labels[i] == positive;
  }
  if (said == 0 || are == 0) return kUndefined;  // precision or recall is 0 / 0
  return defined(2.0 * static_cast<double>(both) / static_cast<double>(said + are));
}

MetricValue mcc(std::span<const int> predicted, std::span<const int> labels) {
  if (labels.empty()) return kUndefined;
  const auto classes = static_cast<std::size_t>(
      1 + std::max(*std::ranges::max_element(predicted), *std::ranges::max_element(labels)));
  std::vector<std::int64_t> said(classes), are(classes);
  std::int64_t right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    ++said[static_cast<std::size_t>(predicted[i])];
    ++are[static_cast<std::size_t>(labels[i])];
    right += predicted[i] == labels[i];
  }
  const auto n = static_cast<std::int64_t>(labels.size());
  std::int64_t said_are = 0, said_said = 0, are_are = 0;
  for (std::size_t k = 0; k < classes; ++k) {
    said_are += said[k] * are[k];
    said_said += said[k] * said[k];
    are_are += are[k] * are[k];
  }
  // Covariances of the one-hot vectors, times n^2.
  const std::int64_t covariance = right * n - said_are;
  const std::int64_t said_variance = n * n - said_said, are_variance = n * n - are_are;
  if (said_variance == 0 || are_variance == 0) return kUndefined;
  return defined(static_cast<double>(covariance) / (std::sqrt(static_cast<double>(said_variance)) *
                                                    std::sqrt(static_cast<double>(are_variance))));
}

MetricValue pearson(std::span<const double> predicted, std::span<const double> targets) {
  if (targets.size() < 2 || !finite(predicted) || constant(predicted) || constant(targets)) {
    return kUndefined;
  }
  const double predicted_mean = mean(predicted), target_mean = mean(targets);
  double covariance = 0.0, predicted_variance = 0.0, target_variance = 0.0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const double p = predicted[i] - predicted_mean, t = targets[i] - target_mean;
    covariance += p * t;
    predicted_variance += p * p;
    target_variance += t * t;
  }
  const double r = covariance / (std::sqrt(predicted_variance) * std::sqrt(target_variance));
  if (!std::isfinite(r)) return kUndefined;  // a spread that under- or overflows
  return defined(std::clamp(r, -1.0, 1.0));
}

MetricValue spearman(std::span<const double> predicted, std::span<const double> targets) {
  if (!finite(predicted)) return kUndefined;
  return pearson(average_ranks(predicted), average_ranks(targets));
}

std::string_view metric_name(Metric metric) {
  switch (metric) {
    case Metric::accuracy:
      return "accuracy";
    case Metric::f1:
      return "f1";
    case Metric::mcc:
      return "mcc";
    case Metric::pearson:
      return "pearson";
    case Metric::spearman:
      return "spearman";
  }
  throw std::logic_error("unknown metric");
}

std::vector<float> predict(const Task& task, std::span<const float> logits) {
  const auto classes = static_cast<std::size_t>(task.classes());
  if (logits.size() % classes != 0) {
    throw std::invalid_argument(
        fmt::format("{} logits are no rows of {} classes", logits.size(), classes));
  }
  std::vector<float> predicted;
  for (std::size_t at = 0; at < logits.size(); at += classes) {
    const auto row = logits.subspan(at, classes);
    predicted.push_back(
        task.regression ? row[0] : static_cast<float>(std::ranges::max_element(row) - row.begin()));
  }
  return predicted;
}

Scores score_predictions(const Task& task, std::span<const float> predictions,
                         std::span<const float> labels) {
  if (predictions.size() != labels.size()) {
    throw std::invalid_argument(
        fmt::format("{} predictions for {} rows", predictions.size(), labels.size()));
  }
  std::vector<int> predicted, truth;
  std::vector<double> values, targets;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (std::isnan(labels[i])) throw std::invalid_argument("a row without label cannot be scored");
    if (task.regression) {
      values.push_back(predictions[i]);
      targets.push_back(labels[i]);
    } else {
      predicted.push_back(static_cast<int>(predictions[i]));
      truth.push_back(static_cast<int>(labels[i]));
    }
  }

  const auto value_of = [&](Metric metric) {
    switch (metric) {
      case Metric::accuracy:
        return accuracy(predicted, truth);
      case Metric::mcc:
        return mcc(predicted, truth);
      case Metric::pearson:
        return pearson(values, targets);
      case Metric::spearman:
        return spearman(values, targets);
      case Metric::f1: {
        const auto positive = std::ranges::find(task.labels, task.positive_label);
        if (positive == task.labels.end()) {
          throw InputError(fmt::format("task {}: positive_label '{}' is none of its labels: {}",
                                       task.name, task.positive_label,
                                       fmt::join(task.labels, ", ")));
        }
        return f1(predicted, truth, static_cast<int>(positive - task.labels.begin()));
      }
    }
    throw std::logic_error("unknown metric");
  };
  Scores scores;
  for (const Metric metric : task.metrics) {
    const MetricValue value = value_of(metric);
    scores.values.emplace_back(metric_name(metric), value.value);
    scores.score += value.value / static_cast<double>(task.metrics.size());
    scores.degenerate |= value.degenerate;
  }
  return scores;
}

Scores score(const Task& task, std::span<const float> logits, std::span<const float> labels) {
  return score_predictions(task, predict(task, logits), labels);
}

}  // namespace runner::data
