#include "data/metrics.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
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

bool finite(const auto& values) {
  return std::ranges::all_of(values, [](auto v) { return std::isfinite(v); });
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

namespace {

// How often a class is predicted, is the label, and both.
struct Counts {
  std::int64_t said = 0, are = 0, both = 0;
  MetricValue precision() const { return ratio(both, said); }
  MetricValue recall() const { return ratio(both, are); }
  MetricValue f1() const {
    if (said == 0 || are == 0) return kUndefined;  // precision or recall is 0 / 0
    return ratio(2 * both, said + are);
  }
  static MetricValue ratio(std::int64_t part, std::int64_t whole) {
    if (whole == 0) return kUndefined;
    return defined(static_cast<double>(part) / static_cast<double>(whole));
  }
};

Counts count(std::span<const int> predicted, std::span<const int> labels, int of) {
  Counts counts;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    counts.said += predicted[i] == of;
    counts.are += labels[i] == of;
    counts.both += predicted[i] == of && labels[i] == of;
  }
  return counts;
}

// The counts of each class that the labels or the predictions have.
std::vector<Counts> count_all(std::span<const int> predicted, std::span<const int> labels) {
  std::vector<Counts> counts;
  const auto at = [&](int of) -> Counts& {
    const auto index = static_cast<std::size_t>(of);
    if (counts.size() <= index) counts.resize(index + 1);
    return counts[index];
  };
  for (std::size_t i = 0; i < labels.size(); ++i) {
    ++at(predicted[i]).said;
    ++at(labels[i]).are;
    at(labels[i]).both += predicted[i] == labels[i];
  }
  std::erase_if(counts, [](const Counts& c) { return c.said == 0 && c.are == 0; });
  return counts;
}

double one(const Counts&) { return 1.0; }
double support(const Counts& counts) { return static_cast<double>(counts.are); }

// The mean over the classes of what `measure` says of each, weighted by `weight`.
MetricValue mean_over(std::span<const int> predicted, std::span<const int> labels,
                      MetricValue (Counts::*measure)() const, double (*weight)(const Counts&)) {
  double sum = 0.0, weights = 0.0;
  for (const Counts& counts : count_all(predicted, labels)) {
    sum += weight(counts) * (counts.*measure)().value;
    weights += weight(counts);
  }
  return weights > 0.0 ? defined(sum / weights) : kUndefined;
}

// The mean of what `error` makes of each difference.
template <typename Error>
MetricValue mean_error(std::span<const double> predicted, std::span<const double> targets,
                       Error error) {
  if (targets.empty() || !finite(predicted)) return {std::numeric_limits<float>::max(), true};
  double sum = 0.0;
  for (std::size_t i = 0; i < targets.size(); ++i) sum += error(predicted[i] - targets[i]);
  return defined(sum / static_cast<double>(targets.size()));
}

}  // namespace

MetricValue balanced_accuracy(std::span<const int> predicted, std::span<const int> labels) {
  return mean_over(predicted, labels, &Counts::recall,
                   [](const Counts& counts) { return counts.are > 0 ? 1.0 : 0.0; });
}

MetricValue f1(std::span<const int> predicted, std::span<const int> labels, int positive) {
  return count(predicted, labels, positive).f1();
}

MetricValue precision(std::span<const int> predicted, std::span<const int> labels, int positive) {
  return count(predicted, labels, positive).precision();
}

MetricValue recall(std::span<const int> predicted, std::span<const int> labels, int positive) {
  return count(predicted, labels, positive).recall();
}

MetricValue f1_macro(std::span<const int> predicted, std::span<const int> labels) {
  return mean_over(predicted, labels, &Counts::f1, one);
}

MetricValue f1_weighted(std::span<const int> predicted, std::span<const int> labels) {
  return mean_over(predicted, labels, &Counts::f1, support);
}

MetricValue precision_macro(std::span<const int> predicted, std::span<const int> labels) {
  return mean_over(predicted, labels, &Counts::precision, one);
}

MetricValue recall_macro(std::span<const int> predicted, std::span<const int> labels) {
  return mean_over(predicted, labels, &Counts::recall, one);
}

MetricValue auroc(std::span<const double> scores, std::span<const int> labels, int positive) {
  const auto positives = static_cast<double>(std::ranges::count(labels, positive));
  const double others = static_cast<double>(labels.size()) - positives;
  if (positives == 0.0 || others == 0.0 || !finite(scores)) return kUndefined;
  const std::vector<double> ranks = average_ranks(scores);
  double sum = 0.0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == positive) sum += ranks[i];
  }
  return defined((sum - positives * (positives + 1.0) / 2.0) / (positives * others));
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

MetricValue mse(std::span<const double> predicted, std::span<const double> targets) {
  return mean_error(predicted, targets, [](double difference) { return difference * difference; });
}

MetricValue mae(std::span<const double> predicted, std::span<const double> targets) {
  return mean_error(predicted, targets, [](double difference) { return std::abs(difference); });
}

namespace {

template <MetricValue (*kMeasure)(std::span<const int>, std::span<const int>)>
MetricValue of_classes(const Judged& judged) {
  return kMeasure(judged.predicted, judged.labels);
}

template <MetricValue (*kMeasure)(std::span<const int>, std::span<const int>, int)>
MetricValue of_positive(const Judged& judged) {
  return kMeasure(judged.predicted, judged.labels, judged.positive);
}

template <MetricValue (*kMeasure)(std::span<const double>, std::span<const double>)>
MetricValue of_numbers(const Judged& judged) {
  return kMeasure(judged.outputs, judged.targets);
}

MetricValue of_scores(const Judged& judged) {
  return auroc(judged.scores, judged.labels, judged.positive);
}

using enum MetricRow::Kind;

// In the order of Metric.
constexpr std::array kMetrics = {
    MetricRow{"accuracy", "share of right predictions", Metric::accuracy, classes,
              of_classes<accuracy>},
    MetricRow{"balanced_accuracy", "mean recall of the classes", Metric::balanced_accuracy, classes,
              of_classes<balanced_accuracy>},
    MetricRow{"f1", "F1 of the positive of two classes", Metric::f1, two_classes, of_positive<f1>},
    MetricRow{"f1_macro", "mean F1 of the classes", Metric::f1_macro, classes,
              of_classes<f1_macro>},
    MetricRow{"f1_weighted", "the same, weighted by the classes' rows", Metric::f1_weighted,
              classes, of_classes<f1_weighted>},
    MetricRow{"precision", "precision of the positive of two classes", Metric::precision,
              two_classes, of_positive<precision>},
    MetricRow{"precision_macro", "mean precision of the classes", Metric::precision_macro, classes,
              of_classes<precision_macro>},
    MetricRow{"recall", "recall of the positive of two classes", Metric::recall, two_classes,
              of_positive<recall>},
    MetricRow{"recall_macro", "mean recall of the classes, predicted ones included",
              Metric::recall_macro, classes, of_classes<recall_macro>},
    MetricRow{"auroc", "area under the ROC curve of two classes", Metric::auroc, two_classes,
              of_scores},
    MetricRow{"mcc", "Matthews correlation, any number of classes", Metric::mcc, classes,
              of_classes<mcc>},
    MetricRow{"pearson", "Pearson correlation", Metric::pearson, numbers, of_numbers<pearson>},
    MetricRow{"spearman", "Spearman rank correlation", Metric::spearman, numbers,
              of_numbers<spearman>},
    MetricRow{"mse", "mean squared error, negative in the score", Metric::mse, numbers,
              of_numbers<mse>, true},
    MetricRow{"mae", "mean absolute error, negative in the score", Metric::mae, numbers,
              of_numbers<mae>, true},
};

}  // namespace

std::span<const MetricRow> metric_rows() { return kMetrics; }
const MetricRow& metric_row(Metric metric) { return kMetrics[static_cast<std::size_t>(metric)]; }
std::string_view metric_name(Metric metric) { return metric_row(metric).name; }

bool fits(const MetricRow& row, int number_of_classes) {
  if (row.kind == numbers) return number_of_classes == 1;
  return row.kind == two_classes ? number_of_classes == 2 : number_of_classes > 1;
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
    const auto largest = static_cast<float>(std::ranges::max_element(row) - row.begin());
    const float said = task.regression ? row[0] : largest;
    predicted.push_back(finite(row) ? said : std::nanf(""));
  }
  return predicted;
}

namespace {

// The class that two_classes metrics ask about. Throws InputError where one is asked for in vain.
int positive_class(const Task& task) {
  const auto positive = std::ranges::find(task.labels, task.positive_label);
  const bool needed = std::ranges::any_of(
      task.metrics, [](Metric metric) { return metric_row(metric).kind == two_classes; });
  if (positive == task.labels.end() && needed) {
    throw InputError(fmt::format("task {}: positive_label '{}' is none of its labels: {}",
                                 task.name, task.positive_label, fmt::join(task.labels, ", ")));
  }
  return static_cast<int>(positive - task.labels.begin());
}

// `margins`: Judged::scores of a task of two classes, else unread.
Scores judge(const Task& task, std::span<const float> predictions, std::span<const double> margins,
             std::span<const float> labels) {
  if (predictions.size() != labels.size()) {
    throw std::invalid_argument(
        fmt::format("{} predictions for {} rows", predictions.size(), labels.size()));
  }
  if (std::ranges::any_of(labels, [](float label) { return std::isnan(label); })) {
    throw std::invalid_argument("a row without label cannot be scored");
  }
  const bool known = finite(predictions);
  Judged judged;
  std::vector<int> predicted, truth;
  std::vector<double> values, targets;
  if (!known) {
    // No metric is asked.
  } else if (task.regression) {
    values.assign(predictions.begin(), predictions.end());
    targets.assign(labels.begin(), labels.end());
    judged.outputs = values;
    judged.targets = targets;
  } else {
    predicted.assign(predictions.begin(), predictions.end());
    truth.assign(labels.begin(), labels.end());
    judged.predicted = predicted;
    judged.labels = truth;
  }
  if (task.classes() == 2) {
    judged.positive = positive_class(task);
    judged.scores = margins;
  }

  Scores scores;
  for (const Metric metric : task.metrics) {
    const MetricRow& row = metric_row(metric);
    if (!fits(row, task.classes())) {
      throw InputError(fmt::format("task {}: metric '{}' does not fit {} classes", task.name,
                                   row.name, task.classes()));
    }
    const MetricValue value = known ? row.measure(judged) : MetricValue{std::nan(""), false};
    scores.values.emplace_back(row.name, value.value);
    scores.score +=
        (row.error ? -value.value : value.value) / static_cast<double>(task.metrics.size());
    scores.degenerate |= value.degenerate;
  }
  return scores;
}

}  // namespace

Scores score_predictions(const Task& task, std::span<const float> predictions,
                         std::span<const float> labels) {
  std::vector<double> margins;
  if (task.classes() == 2) {
    const auto positive = static_cast<float>(positive_class(task));
    for (const float said : predictions) margins.push_back(said == positive ? 1.0 : 0.0);
  }
  return judge(task, predictions, margins, labels);
}

Scores score(const Task& task, std::span<const float> logits, std::span<const float> labels) {
  const std::vector<float> predictions = predict(task, logits);
  std::vector<double> margins;
  if (task.classes() == 2) {
    const double sign = positive_class(task) == 1 ? 1.0 : -1.0;
    for (std::size_t at = 0; at < logits.size(); at += 2) {
      margins.push_back(sign * (double{logits[at + 1]} - double{logits[at]}));
    }
  }
  return judge(task, predictions, margins, labels);
}

}  // namespace runner::data
