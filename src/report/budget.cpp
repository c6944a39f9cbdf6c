#include "report/budget.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <string>

#include "spec/methods.hpp"

namespace runner::report {
namespace {

constexpr double kPercent = 100.0;
constexpr std::array kShares = {0.25, 0.5, 0.75, 1.0};
constexpr std::array kUnits = {std::pair{Unit::examples, "examples"},
                               std::pair{Unit::flops, "flops"}};

// Trials that were finished when `amount` was spent.
std::size_t finished(const CellData& data, Unit unit, double amount) {
  const auto& trials = data.history.trials;
  double sum = 0.0;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    sum += experiment::amount_of(trials[i].budget, unit);
    if (sum > amount) return i;
  }
  return trials.size();
}

double spread_of(const std::vector<double>& values) {
  return std::ranges::any_of(values, [](double v) { return std::isnan(v); }) ? experiment::kUnknown
                                                                             : stddev(values);
}

using Place = std::pair<const spec::TaskEntry*, std::uint64_t>;

// By task and seed what the smallest search spent; none where no search is complete.
std::map<Place, double> smallest_searches(const std::vector<CellData>& cells, Unit unit) {
  std::map<Place, double> smallest;
  for (const CellData& data : cells) {
    if (!data.complete || !spec::is_search(*data.cell.method)) continue;
    if (data.history.trials.size() < 2) continue;
    const double amount = spent(data, unit);
    const auto [at, first] = smallest.try_emplace({data.cell.task, data.cell.seed}, amount);
    if (!first) at->second = std::min(at->second, amount);
  }
  return smallest;
}

// A method at one mark: of each seed the mark, the trials by then and the score.
struct Mark {
  std::vector<double> amounts, trials, scores;
};

std::vector<std::string> row_of(const std::string& task, const char* unit, double share,
                                const std::string& method, const Mark& mark) {
  return {task,
          unit,
          exact(share),
          method,
          fmt::format("{}", mark.scores.size()),
          exact(mean(mark.amounts)),
          exact(mean(mark.trials)),
          exact(mean(mark.scores)),
          exact(spread_of(mark.scores))};
}

}  // namespace

double spent(const CellData& data, Unit unit) {
  return experiment::spent(data.history.trials, unit);
}

double score_at(const CellData& data, Unit unit, double amount) {
  const auto& trials = data.history.trials;
  const auto by_then = std::span(trials).first(finished(data, unit, amount));
  const int best = experiment::best_trial(by_then);
  if (best < 0) return experiment::kUnknown;
  return kPercent * by_then[static_cast<std::size_t>(best)].evaluation.report.score;
}

Strata differences_at_equal(const std::vector<CellData>& cells, const Tasks& tasks,
                            const spec::Method& method, const spec::Method& against, Unit unit) {
  std::map<Place, const CellData*> others;
  for (const CellData& data : cells) {
    if (data.complete && data.cell.method == &against) {
      others[{data.cell.task, data.cell.seed}] = &data;
    }
  }
  Strata strata;
  for (const spec::TaskEntry* task : tasks) {
    auto& pairs = strata.emplace_back();
    for (const CellData& data : cells) {
      if (!data.complete || data.cell.method != &method || data.cell.task != task) continue;
      const auto other = others.find({task, data.cell.seed});
      if (other == others.end()) continue;
      const double amount = std::min(spent(data, unit), spent(*other->second, unit));
      const double difference =
          score_at(data, unit, amount) - score_at(*other->second, unit, amount);
      if (!std::isnan(difference)) pairs.push_back(difference);
    }
  }
  return strata;
}

Table budget_csv(const spec::Spec& spec, const std::vector<CellData>& cells) {
  Table table;
  table.columns = {"task", "unit", "share", "method", "n_seeds", "amount", "trials", "mean", "sd"};
  for (const auto& [unit, name] : kUnits) {
    const std::map<Place, double> smallest = smallest_searches(cells, unit);
    for (const double share : kShares) {
      for (const spec::Method& method : spec.methods) {
        std::vector<double> means, amounts, trials;
        for (const spec::TaskEntry& task : spec.tasks) {
          Mark mark;
          for (const CellData& data : cells) {
            const auto least = smallest.find({data.cell.task, data.cell.seed});
            const bool counts = data.complete && data.cell.task == &task &&
                                data.cell.method == &method && least != smallest.end();
            if (!counts) continue;
            const double amount = share * least->second;
            mark.amounts.push_back(amount);
            mark.trials.push_back(static_cast<double>(finished(data, unit, amount)));
            mark.scores.push_back(score_at(data, unit, amount));
          }
          if (mark.scores.empty()) continue;
          table.rows.push_back(row_of(task.task.name, name, share, method.name, mark));
          means.push_back(mean(mark.scores));
          amounts.push_back(mean(mark.amounts));
          trials.push_back(mean(mark.trials));
        }
        if (means.size() < spec.tasks.size()) continue;
        table.rows.push_back({"average", name, exact(share), method.name, "", exact(mean(amounts)),
                              exact(mean(trials)), exact(mean(means)), ""});
      }
    }
  }
  return table;
}

Table incumbent_csv(const std::vector<CellData>& cells) {
  Table table;
  table.columns = {"task", "method", "seed", "trial", "examples", "flops", "selection", "report"};
  for (const CellData& data : cells) {
    const auto& trials = data.history.trials;
    std::int64_t examples = 0;
    double flops = 0.0;
    for (std::size_t i = 0; i < trials.size(); ++i) {
      examples += trials[i].budget.examples;
      flops += trials[i].budget.flops;
      const int best = experiment::best_trial(std::span(trials).first(i + 1));
      if (best < 0) continue;
      const experiment::Evaluation& incumbent = trials[static_cast<std::size_t>(best)].evaluation;
      table.rows.push_back(
          {data.cell.task->task.name, data.cell.method->name, fmt::format("{}", data.cell.seed),
           fmt::format("{}", i), fmt::format("{}", examples), exact(flops),
           exact(kPercent * incumbent.selection.score), exact(kPercent * incumbent.report.score)});
    }
  }
  return table;
}

}  // namespace runner::report
