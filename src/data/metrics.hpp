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
// Mean recall of the classes that the labels have.
MetricValue balanced_accuracy(std::span<const int> predicted, std::span<const int> labels);
// Of the class `positive`; 0 where there is no true positive (scikit-learn, zero_division=0).
MetricValue f1(std::span<const int> predicted, std::span<const int> labels, int positive);
MetricValue precision(std::span<const int> predicted, std::span<const int> labels, int positive);
MetricValue recall(std::span<const int> predicted, std::span<const int> labels, int positive);
// Means over the classes that the labels or the predictions have, each class's 0 where it is
// undefined; `weighted` by how often the labels have the class.
MetricValue f1_macro(std::span<const int> predicted, std::span<const int> labels);
MetricValue f1_weighted(std::span<const int> predicted, std::span<const int> labels);
MetricValue precision_macro(std::span<const int> predicted, std::span<const int> labels);
MetricValue recall_macro(std::span<const int> predicted, std::span<const int> labels);
// Area under the receiver operating characteristic: the share of pairs of a positive row and
// another in which the first has the larger score, ties by half (Mann and Whitney 1947).
MetricValue auroc(std::span<const double> scores, std::span<const int> labels, int positive);
// Matthews correlation for any number of classes (Gorodkin 2004, scikit-learn's matthews_corrcoef).
MetricValue mcc(std::span<const int> predicted, std::span<const int> labels);
MetricValue pearson(std::span<const double> predicted, std::span<const double> targets);
// Pearson of average ranks.
MetricValue spearman(std::span<const double> predicted, std::span<const double> targets);
// Mean squared and mean absolute error; of predictions that are not finite the largest float.
MetricValue mse(std::span<const double> predicted, std::span<const double> targets);
MetricValue mae(std::span<const double> predicted, std::span<const double> targets);

// What a metric is computed from; its kind says what is filled in.
struct Judged {
  std::span<const int> predicted, labels;  // classes
  std::span<const double> scores;          // of two classes: logit of the positive, less the other
  int positive = 0;                        // of two classes
  std::span<const double> outputs, targets;  // regression
};

struct MetricRow {
  std::string_view name, summary;
  Metric metric;
  enum class Kind { classes, two_classes, numbers } kind;
  MetricValue (*measure)(const Judged&);
  bool error = false;  // the smaller the better: it counts negative in a score
};

std::span<const MetricRow> metric_rows();
const MetricRow& metric_row(Metric metric);
std::string_view metric_name(Metric metric);
// Whether a task of so many classes (1: a regression) can be scored by it.
bool fits(const MetricRow& row, int classes);

// A task's metrics on one split and GLUE's score, their mean, errors with the opposite sign
// (without errors in [-1, 1]).
struct Scores {
  std::vector<std::pair<std::string, double>> values;  // in the task's order, by metric name
  double score = 0.0;
  bool degenerate = false;
};

// What the logits [rows x classes], row-major, say of each row: the class of the largest, the first
// of equals, or a regression's one output as it stands; NaN where one of the row's is not finite.
std::vector<float> predict(const Task& task, std::span<const float> logits);

// `labels` as in EncodedSplit, each there. Regression compares in float32 first, as Hugging Face
// does. With a logit that is not finite every score is NaN: such a model says nothing. Throws
// InputError where the task's metrics do not fit its classes.
Scores score(const Task& task, std::span<const float> logits, std::span<const float> labels);
// The same of what predict() made of them. All metrics are those of score() but the one that ranks
// rows: AUROC is of the classes alone, all rows of one class tied.
Scores score_predictions(const Task& task, std::span<const float> predictions,
                         std::span<const float> labels);

}  // namespace runner::data
