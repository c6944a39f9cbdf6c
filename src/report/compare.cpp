#include "report/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>

#include "data/metrics.hpp"
#include "random/philox.hpp"
#include "report/statistics.hpp"

namespace runner::report {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kLevel = 0.95;
constexpr int kResamples = 10000;
constexpr int kDraws = 100000;
constexpr std::string_view kBaseline = "fine_tune";  // spec::Method::kind
constexpr std::string_view kAverage = "average";

// One line of methods.csv. NaN: not to be had.
struct Entry {
  const spec::Method* method = nullptr;
  const spec::TaskEntry* task = nullptr;  // null: the average over tasks
  int seeds = 0;                          // complete cells with a result
  double mean = kNaN, stddev = kNaN, selection = kNaN;
  int failed = 0, collapsed = 0;  // runs
  double difference = kNaN;       // to the baseline, mean over pairs
  Interval interval;
  double p_value = kNaN;
  int pairs = 0;
  double runs = 0.0, examples = 0.0, flops = 0.0;  // mean per cell

  std::string task_name() const {
    return task == nullptr ? std::string(kAverage) : task->task.name;
  }
};

using Scores = std::map<std::uint64_t, double>;  // by seed

class Comparison {
 public:
  Comparison(const spec::Spec& spec, const std::vector<CellData>& cells)
      : spec_(spec), cells_(cells) {
    for (const CellData& data : cells_) {
      const double score = data.score();
      if (!std::isnan(score)) scores_[{data.cell.task, data.cell.method}][data.cell.seed] = score;
    }
    const auto baseline = std::ranges::find(spec.methods, kBaseline, &spec::Method::kind);
    if (baseline != spec.methods.end()) baseline_ = &*baseline;
  }

  bool has_baseline() const { return baseline_ != nullptr; }

  Entry entry(const spec::Method& method, const spec::TaskEntry& task) const {
    Entry entry = budget_of(method, &task);
    std::vector<double> scores;
    for (const auto& [seed, score] : scores_of(task, method)) scores.push_back(score);
    entry.seeds = static_cast<int>(scores.size());
    entry.mean = mean(scores);
    entry.stddev = stddev(scores);
    compare({differences(task, method)}, entry);
    return entry;
  }

  // Over all tasks; a mean only when every task has one, a spread over seeds that every task has.
  Entry average(const spec::Method& method) const {
    Entry entry = budget_of(method, nullptr);
    Strata strata;
    std::vector<double> means;
    std::map<std::uint64_t, std::vector<double>> by_seed;
    for (const spec::TaskEntry& task : spec_.tasks) {
      strata.push_back(differences(task, method));
      std::vector<double> scores;
      for (const auto& [seed, score] : scores_of(task, method)) {
        scores.push_back(score);
        by_seed[seed].push_back(score);
      }
      means.push_back(mean(scores));
    }
    entry.mean = mean(means);  // NaN when one of them is
    std::vector<double> averages;
    for (const auto& [seed, scores] : by_seed) {
      if (scores.size() == spec_.tasks.size()) averages.push_back(mean(scores));
    }
    entry.seeds = static_cast<int>(averages.size());
    entry.stddev = stddev(averages);
    compare(strata, entry);
    return entry;
  }

  std::vector<Entry> entries(const spec::Method& method) const {
    std::vector<Entry> entries;
    for (const spec::TaskEntry& task : spec_.tasks) entries.push_back(entry(method, task));
    entries.push_back(average(method));
    return entries;
  }

 private:
  const Scores& scores_of(const spec::TaskEntry& task, const spec::Method& method) const {
    static const Scores none;
    const auto found = scores_.find({&task, &method});
    return found == scores_.end() ? none : found->second;
  }

  std::vector<double> differences(const spec::TaskEntry& task, const spec::Method& method) const {
    std::vector<double> pairs;
    if (baseline_ == nullptr || baseline_ == &method) return pairs;
    const Scores& base = scores_of(task, *baseline_);
    for (const auto& [seed, score] : scores_of(task, method)) {
      const auto other = base.find(seed);
      if (other != base.end()) pairs.push_back(score - other->second);
    }
    return pairs;
  }

  void compare(const Strata& strata, Entry& entry) const {
    for (const auto& pairs : strata) entry.pairs += static_cast<int>(pairs.size());
    const bool whole =
        std::ranges::none_of(strata, [](const auto& pairs) { return pairs.empty(); });
    if (!whole) return;
    const std::string purpose = entry.method->name + "/" + entry.task_name();
    entry.difference = mean_of_means(strata);
    entry.interval =
        bootstrap_interval(strata, kLevel, kResamples, random::derive(0, "bootstrap/" + purpose));
    entry.p_value = sign_flip_p_value(strata, kDraws, random::derive(0, "flip/" + purpose));
  }

  // Runs and what they cost; a null task: all of them.
  Entry budget_of(const spec::Method& method, const spec::TaskEntry* task) const {
    Entry entry;
    entry.method = &method;
    entry.task = task;
    std::vector<double> runs, examples, flops, selection;
    for (const CellData& data : cells_) {
      if (data.cell.method != &method || (task != nullptr && data.cell.task != task) ||
          !data.complete) {
        continue;
      }
      double cell_examples = 0.0;
      double cell_flops = 0.0;
      for (const experiment::TrialRecord& trial : data.history.trials) {
        entry.failed += trial.has_result() ? 0 : 1;
        entry.collapsed += trial.status == "collapsed" ? 1 : 0;
        cell_examples += static_cast<double>(trial.budget.examples);
        cell_flops += trial.budget.flops;
      }
      runs.push_back(static_cast<double>(data.history.trials.size()));
      examples.push_back(cell_examples);
      flops.push_back(cell_flops);
      if (data.chosen >= 0) selection.push_back(data.selection_score());
    }
    entry.runs = mean(runs);
    entry.examples = mean(examples);
    entry.flops = mean(flops);
    entry.selection = mean(selection);
    return entry;
  }

  const spec::Spec& spec_;
  const std::vector<CellData>& cells_;
  std::map<std::pair<const spec::TaskEntry*, const spec::Method*>, Scores> scores_;
  const spec::Method* baseline_ = nullptr;
};

std::string metric_of(const Entry& entry) {
  if (entry.task == nullptr) return "mean over tasks";
  std::string names;
  for (const data::Metric metric : entry.task->task.metrics) {
    if (!names.empty()) names += '+';
    names += data::metric_name(metric);
  }
  return names;
}

// The columns that methods.csv and pairs.csv share.
const std::vector<std::string> kEntryColumns = {
    "task",       "metric",   "selection_split", "report_split",   "n_seeds",
    "mean",       "sd",       "selection_mean",  "failed_runs",    "collapsed_runs",
    "difference", "ci_low",   "ci_high",         "p_value",        "n_pairs",
    "runs",       "examples", "flops",           "max_train_rows", "max_dev_rows"};

std::vector<std::string> entry_row(const spec::Spec& spec, const Entry& entry) {
  return {entry.task_name(),
          metric_of(entry),
          selection_split(spec),
          report_split(spec),
          fmt::format("{}", entry.seeds),
          exact(entry.mean),
          exact(entry.stddev),
          exact(entry.selection),
          fmt::format("{}", entry.failed),
          fmt::format("{}", entry.collapsed),
          exact(entry.difference),
          exact(entry.interval.low),
          exact(entry.interval.high),
          exact(entry.p_value),
          fmt::format("{}", entry.pairs),
          exact(entry.runs),
          exact(entry.examples),
          exact(entry.flops),
          row_cap(spec.max_train_rows),
          row_cap(spec.max_dev_rows)};
}

bool is_pair(const spec::Method& method) { return !method.outer.empty() && !method.inner.empty(); }

Table long_table(const spec::Spec& spec, const std::vector<CellData>& cells, bool pairs) {
  const Comparison comparison(spec, cells);
  Table table;
  table.columns = {"method"};
  if (pairs) table.columns.insert(table.columns.end(), {"outer", "inner"});
  table.columns.insert(table.columns.end(), kEntryColumns.begin(), kEntryColumns.end());
  for (const spec::Method& method : spec.methods) {
    if (pairs && !is_pair(method)) continue;
    for (const Entry& entry : comparison.entries(method)) {
      std::vector<std::string> row = {method.name};
      if (pairs) row.insert(row.end(), {method.outer, method.inner});
      std::ranges::move(entry_row(spec, entry), std::back_inserter(row));
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

std::string caption(const spec::Spec& spec, const std::vector<CellData>& cells, bool baseline) {
  std::string text = fmt::format(
      "{}: scores x 100, report split: {}, selection split: {}; mean ± sd over {} seed{}",
      spec.name, report_split(spec), selection_split(spec), spec.seeds.size(),
      spec.seeds.size() == 1 ? "" : "s");
  if (spec.max_train_rows > 0 || spec.max_dev_rows > 0) {
    text += fmt::format("; rows per task: train {}, dev {}", row_cap(spec.max_train_rows),
                        row_cap(spec.max_dev_rows));
  }
  if (baseline) {
    text += fmt::format(
        "; difference to {} with a {} % bootstrap interval and the p-value of a "
        "sign-flip test over tasks and seeds",
        kBaseline, 100.0 * kLevel);
  }
  const auto missing = std::ranges::count(cells, false, &CellData::complete);
  if (missing > 0) text += fmt::format("; INCOMPLETE: {} of {} cells", missing, cells.size());
  return text + ".";
}

std::string with_spread(const Entry& entry, std::size_t seeds) {
  std::string text = rounded(entry.mean, 2);
  if (!std::isnan(entry.stddev)) text += " ± " + rounded(entry.stddev, 2);
  if (!std::isnan(entry.mean) && entry.seeds != static_cast<int>(seeds)) {
    text += fmt::format(" (n={})", entry.seeds);
  }
  return text;
}

Table wide_table(const spec::Spec& spec, const std::vector<CellData>& cells, bool pairs) {
  const Comparison comparison(spec, cells);
  Table table;
  table.caption = caption(spec, cells, comparison.has_baseline());
  table.columns =
      pairs ? std::vector<std::string>{"outer", "inner"} : std::vector<std::string>{"method"};
  table.text_columns = static_cast<int>(table.columns.size());
  for (const spec::TaskEntry& task : spec.tasks) table.columns.push_back(task.task.name);
  table.columns.insert(table.columns.end(),
                       {std::string(kAverage), "difference", "95 %", "p", "runs", "failed"});
  for (const spec::Method& method : spec.methods) {
    if (pairs && !is_pair(method)) continue;
    std::vector<std::string> row =
        pairs ? std::vector{method.outer, method.inner} : std::vector{method.name};
    const std::vector<Entry> entries = comparison.entries(method);
    for (const Entry& entry : entries) row.push_back(with_spread(entry, spec.seeds.size()));
    const Entry& average = entries.back();
    row.push_back(rounded(average.difference, 2));
    row.push_back(std::isnan(average.interval.low)
                      ? "–"
                      : fmt::format("[{}, {}]", rounded(average.interval.low, 2),
                                    rounded(average.interval.high, 2)));
    row.push_back(rounded(average.p_value, 3));
    row.push_back(rounded(average.runs, 0));
    row.push_back(fmt::format("{}", average.failed));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

Table methods_csv(const spec::Spec& spec, const std::vector<CellData>& cells) {
  return long_table(spec, cells, false);
}

Table methods_twin(const spec::Spec& spec, const std::vector<CellData>& cells) {
  return wide_table(spec, cells, false);
}

Table pairs_csv(const spec::Spec& spec, const std::vector<CellData>& cells) {
  return long_table(spec, cells, true);
}

Table pairs_twin(const spec::Spec& spec, const std::vector<CellData>& cells) {
  return wide_table(spec, cells, true);
}

}  // namespace runner::report
