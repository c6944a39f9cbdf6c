#include "report/entries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include "data/metrics.hpp"
#include "spec/comparisons.hpp"

namespace runner::report {
namespace {

std::vector<double> values_of(const BySeed& scores) {
  std::vector<double> values;
  for (const auto& [seed, score] : scores) values.push_back(score);
  return values;
}

}  // namespace

std::string metrics_of(const data::Task& task) {
  std::string names;
  for (const data::Metric metric : task.metrics) {
    if (!names.empty()) names += '+';
    names += data::metric_name(metric);
  }
  return names;
}

Entries::Entries(const Comparing& all)
    : all_(all), baseline_(spec::find_method(all.spec, all.spec.baseline)) {}

std::vector<Entry> Entries::of(const spec::Method& method) const {
  std::vector<Entry> entries;
  for (const spec::TaskEntry* task : all_.scores.tasks()) {
    Entry& entry = entries.emplace_back(budget_of(method, {task}));
    entry.task = task->task.name;
    entry.metric = metrics_of(task->task);
    const std::vector<double> scores = values_of(all_.scores.of(*task, method));
    entry.seeds = static_cast<int>(scores.size());
    entry.mean = mean(scores);
    entry.stddev = stddev(scores);
  }
  entries.push_back(average(method, all_.scores.tasks(), "average"));
  if (baseline_ != nullptr) {
    entries.back().comparison = find_comparison(all_.comparisons, method, *baseline_);
  }
  if (shows_learned(all_.scores)) {
    entries.push_back(average(method, all_.scores.learned(), learned_name(all_.scores)));
  }
  return entries;
}

bool Entries::shows_learned(const Scores& scores) {
  return !scores.at_chance().empty() && !scores.learned().empty();
}

std::string Entries::learned_name(const Scores& scores) {
  return fmt::format("average of {}", scores.learned().size());
}

Entry Entries::average(const spec::Method& method, const Tasks& tasks, std::string name) const {
  Entry entry = budget_of(method, tasks);
  entry.task = std::move(name);
  entry.metric = "mean over tasks";
  std::vector<double> means;
  std::map<std::uint64_t, std::vector<double>> by_seed;
  for (const spec::TaskEntry* task : tasks) {
    const BySeed& scores = all_.scores.of(*task, method);
    means.push_back(mean(values_of(scores)));
    for (const auto& [seed, score] : scores) by_seed[seed].push_back(score);
  }
  entry.mean = mean(means);  // NaN when one of them is
  std::vector<double> averages;
  for (const auto& [seed, scores] : by_seed) {
    if (scores.size() == tasks.size()) averages.push_back(mean(scores));
  }
  entry.seeds = static_cast<int>(averages.size());
  entry.stddev = stddev(averages);
  return entry;
}

Entry Entries::budget_of(const spec::Method& method, const Tasks& tasks) const {
  Entry entry;
  std::vector<double> trials, modelled, examples, flops, selection;
  for (const CellData& data : all_.cells) {
    const bool counts =
        data.cell.method == &method && std::ranges::find(tasks, data.cell.task) != tasks.end();
    if (!counts) continue;
    for (const experiment::TrialRecord& trial : data.history.trials) {
      entry.failed += trial.has_failed() ? 1 : 0;
      entry.diverged += trial.status == train::Status::diverged ? 1 : 0;
      entry.collapsed += trial.status == train::Status::collapsed ? 1 : 0;
      entry.pruned += trial.is_pruned() ? 1 : 0;
    }
    if (!data.complete) continue;
    double cell_modelled = 0.0, cell_examples = 0.0, cell_flops = 0.0;
    for (const experiment::TrialRecord& trial : data.history.trials) {
      cell_modelled += trial.proposal.is_modelled() ? 1.0 : 0.0;
      cell_examples += static_cast<double>(trial.budget.examples);
      cell_flops += trial.budget.flops;
    }
    trials.push_back(static_cast<double>(data.history.trials.size()));
    modelled.push_back(cell_modelled);
    examples.push_back(cell_examples);
    flops.push_back(cell_flops);
    if (data.chosen >= 0) selection.push_back(data.selection_score());
  }
  entry.trials = mean(trials);
  entry.modelled = mean(modelled);
  entry.examples = mean(examples);
  entry.flops = mean(flops);
  entry.selection = mean(selection);
  if (baseline_ != nullptr && baseline_ != &method) {
    const Strata differences = all_.scores.differences(tasks, method, *baseline_);
    for (const auto& pairs : differences) entry.pairs += static_cast<int>(pairs.size());
    entry.difference = estimate(differences);
  }
  return entry;
}

}  // namespace runner::report
