#include "report/scores.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "data/metrics.hpp"

namespace runner::report {
namespace {

constexpr double kPercent = 100.0;
constexpr double kStandardErrors = 2.0;

}  // namespace

Scores::Scores(const spec::Spec& spec, const std::vector<CellData>& cells) : spec_(spec) {
  for (const CellData& data : cells) {
    const double score = data.score();
    if (!std::isnan(score)) scores_[{data.cell.task, data.cell.method}][data.cell.seed] = score;
  }
  for (const spec::TaskEntry& task : spec.tasks) {
    tasks_.push_back(&task);
    const bool named = std::ranges::find(spec.at_chance, task.task.name) != spec.at_chance.end();
    const bool chance = spec.measure_chance ? is_at_chance(task, cells) : named;
    (chance ? at_chance_ : learned_).push_back(&task);
  }
}

const BySeed& Scores::of(const spec::TaskEntry& task, const spec::Method& method) const {
  static const BySeed kNone;
  const auto found = scores_.find({&task, &method});
  return found == scores_.end() ? kNone : found->second;
}

Strata Scores::differences(const Tasks& tasks, const spec::Method& method,
                           const spec::Method& against) const {
  Strata strata;
  for (const spec::TaskEntry* task : tasks) {
    auto& pairs = strata.emplace_back();
    const BySeed& others = of(*task, against);
    for (const auto& [seed, score] : of(*task, method)) {
      const auto other = others.find(seed);
      if (other != others.end()) pairs.push_back(score - other->second);
    }
  }
  return strata;
}

bool Scores::is_at_chance(const spec::TaskEntry& task, const std::vector<CellData>& cells) const {
  const auto labelled = std::ranges::find_if(cells, [&](const CellData& data) {
    return data.cell.task == &task && !data.predictions().empty();
  });
  if (labelled == cells.end()) return false;
  const Chance chance = chance_of(task.task, labelled->predictions());
  return std::ranges::none_of(spec_.methods, [&](const spec::Method& method) {
    std::vector<double> scores;
    for (const auto& [seed, score] : of(task, method)) scores.push_back(score);
    return mean(scores) > chance.bound;  // of no scores: NaN, which is not
  });
}

Chance chance_of(const data::Task& task, std::span<const experiment::Predictions> parts) {
  Chance chance;
  double rows = 0.0;
  for (const experiment::Predictions& part : parts) rows += static_cast<double>(part.labels.size());
  for (int constant = 0; constant < task.classes(); ++constant) {
    double score = 0.0;
    for (const experiment::Predictions& part : parts) {
      const std::vector<float> said(part.labels.size(), static_cast<float>(constant));
      score += data::score_predictions(task, said, part.labels).score;
    }
    chance.score = std::max(chance.score, kPercent * score / static_cast<double>(parts.size()));
  }
  const bool counts = std::ranges::any_of(task.metrics, [](data::Metric metric) {
    return metric == data::Metric::accuracy || metric == data::Metric::f1;
  });
  chance.bound = chance.score + kPercent * kStandardErrors * (counts ? 0.5 : 1.0) / std::sqrt(rows);
  return chance;
}

}  // namespace runner::report
