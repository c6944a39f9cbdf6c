#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/task.hpp"

namespace runner::data {

// Each over the pooled predictions of a whole split, in double. A value that is undefined
// (constant predictions) is 0 with `degenerate` set, so that an optimiser never meets a NaN.
struct MetricValue {
  double value = 0.0;
  bool degenerate = false;
};

MetricValue accuracy(std::span<const int> predicted, std::span<const int> labels);
// F1 of the class `positive`; 0 where there is no true positive (scikit-learn, zero_division=0).
MetricValue f1(std::span<const int> predicted, std::span<const int> labels, int positive);
// Matthews correlation for any number of classes (Gorodkin 2004, scikit-learn's matthews_corrcoef).
MetricValue mcc(std::span<const int> predicted, std::span<const int> labels);
MetricValue pearson(std::span<const double> predicted, std::span<const double> targets);
// Pearson of average ranks.
MetricValue spearman(std::span<const double> predicted, std::span<const double> targets);

std::string_view metric_name(Metric metric);  // "accuracy", "f1", "mcc", "pearson", "spearman"

// A task's metrics on one split and GLUE's score, their mean (in [-1, 1]).
struct Scores {
  std::vector<std::pair<std::string, double>> values;  // in the task's order, by metric name
  double score = 0.0;
  bool degenerate = false;
};

// What the logits [rows x classes], row-major, say of each row: the class of the largest, the first
// of equals, or a regression's one output as it stands.
std::vector<float> predict(const Task& task, std::span<const float> logits);

// `labels` as in EncodedSplit, each there. Regression compares in float32 first, as Hugging Face
// does.
Scores score_predictions(const Task& task, std::span<const float> predictions,
                         std::span<const float> labels);
Scores score(const Task& task, std::span<const float> logits, std::span<const float> labels);

}  // namespace runner::data
