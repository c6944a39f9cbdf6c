#include "report/resample.hpp"

#include <algorithm>
#include <cstddef>

#include "data/metrics.hpp"
#include "random/philox.hpp"

namespace runner::report {
namespace {

constexpr double kPercent = 100.0;

// The rows of each part, drawn with replacement.
std::vector<std::vector<std::size_t>> draw_rows(const std::vector<experiment::Predictions>& parts,
                                                random::Stream& stream) {
  std::vector<std::vector<std::size_t>> rows;
  for (const experiment::Predictions& part : parts) {
    auto& drawn = rows.emplace_back(part.labels.size());
    for (std::size_t& row : drawn) row = stream.below(part.labels.size());
  }
  return rows;
}

// GLUE's score on those rows: the mean over parts.
double score_on(const data::Task& task, const std::vector<experiment::Predictions>& parts,
                const std::vector<std::vector<std::size_t>>& rows) {
  double sum = 0.0;
  std::vector<float> labels, predicted;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    labels.clear();
    predicted.clear();
    for (const std::size_t row : rows[i]) {
      labels.push_back(parts[i].labels[row]);
      predicted.push_back(parts[i].predicted[row]);
    }
    sum += data::score_predictions(task, predicted, labels).score;
  }
  return sum / static_cast<double>(parts.size());
}

}  // namespace

Resampled::Resampled(const std::vector<TaskPredictions>& tasks, int resamples)
    : resamples_(resamples) {
  for (const TaskPredictions& task : tasks) {
    names_.push_back(task.task->name);
    Models& scores = scores_.emplace_back();
    if (task.models.empty()) continue;
    random::Stream stream(random::derive(0, "resampled rows/" + task.task->name));
    for (int i = 0; i < resamples; ++i) {
      const auto rows = draw_rows(*task.models.begin()->second, stream);
      for (const auto& [model, parts] : task.models) {
        scores[model].push_back(kPercent * score_on(*task.task, *parts, rows));
      }
    }
  }
}

Interval Resampled::interval(std::span<const std::size_t> tasks, std::size_t method,
                             std::size_t against, double level) const {
  std::vector<double> means(static_cast<std::size_t>(resamples_), 0.0);
  for (const std::size_t task : tasks) {
    std::vector<std::pair<const std::vector<double>*, const std::vector<double>*>> pairs;
    for (const auto& [model, scores] : scores_[task]) {
      if (model.first != method) continue;
      const auto other = scores_[task].find({against, model.second});
      if (other != scores_[task].end()) pairs.emplace_back(&scores, &other->second);
    }
    if (pairs.empty()) return {};
    random::Stream stream(random::derive(0, "resampled seeds/" + names_[task]));
    for (std::size_t i = 0; i < means.size(); ++i) {
      double sum = 0.0;
      for (std::size_t draw = 0; draw < pairs.size(); ++draw) {
        const auto& [first, second] = pairs[stream.below(pairs.size())];
        sum += (*first)[i] - (*second)[i];
      }
      means[i] += sum / static_cast<double>(pairs.size() * tasks.size());
    }
  }
  if (tasks.empty()) return {};
  std::ranges::sort(means);
  const double tail = (1.0 - level) / 2.0;
  return {quantile(means, tail), quantile(means, 1.0 - tail)};
}

}  // namespace runner::report
