#include "report/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <string_view>

#include "data/metrics.hpp"
#include "spec/comparisons.hpp"

namespace runner::report {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// One line of methods.csv. NaN: not to be had.
struct Entry {
  std::string task, metric;  // an average's name and what it is of
  int seeds = 0;             // complete cells with a result
  double mean = kNaN, stddev = kNaN, selection = kNaN;
  int failed = 0, diverged = 0, collapsed = 0;  // trials; the diverged are among the failed
  Estimate difference;                          // to the baseline
  int pairs = 0;
  const Comparison* comparison = nullptr;  // of an average over all tasks, in the family
  double trials = 0.0, modelled = 0.0, examples = 0.0, flops = 0.0;  // mean per cell
};

std::vector<double> values_of(const BySeed& scores) {
  std::vector<double> values;
  for (const auto& [seed, score] : scores) values.push_back(score);
  return values;
}

std::string metrics_of(const data::Task& task) {
  std::string names;
  for (const data::Metric metric : task.metrics) {
    if (!names.empty()) names += '+';
    names += data::metric_name(metric);
  }
  return names;
}

class Rows {
 public:
  explicit Rows(const Comparing& all)
      : all_(all), baseline_(spec::find_method(all.spec, all.spec.baseline)) {}

  // One for each task, for the average over all of them, and for that over those above chance.
  std::vector<Entry> entries(const spec::Method& method) const {
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

  static bool shows_learned(const Scores& scores) {
    return !scores.at_chance().empty() && !scores.learned().empty();
  }
  static std::string learned_name(const Scores& scores) {
    return fmt::format("average of {}", scores.learned().size());
  }

 private:
  // A mean only when every task has one, a spread over seeds that every task has.
  Entry average(const spec::Method& method, const Tasks& tasks, std::string name) const {
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

  // What the tasks' cells spent, and how they compare with the baseline's.
  Entry budget_of(const spec::Method& method, const Tasks& tasks) const {
    Entry entry;
    std::vector<double> trials, modelled, examples, flops, selection;
    for (const CellData& data : all_.cells) {
      const bool counts =
          data.cell.method == &method && std::ranges::find(tasks, data.cell.task) != tasks.end();
      if (!counts) continue;
      for (const experiment::TrialRecord& trial : data.history.trials) {
        entry.failed += trial.has_result() ? 0 : 1;
        entry.diverged += trial.status == "diverged" ? 1 : 0;
        entry.collapsed += trial.status == "collapsed" ? 1 : 0;
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

  const Comparing& all_;
  const spec::Method* baseline_;
};

// The columns that methods.csv and pairs.csv share.
const std::vector<std::string> kEntryColumns = {"task",
                                                "metric",
                                                "selection_split",
                                                "report_split",
                                                "n_seeds",
                                                "mean",
                                                "sd",
                                                "selection_mean",
                                                "trials",
                                                "modelled_trials",
                                                "failed_runs",
                                                "diverged_runs",
                                                "collapsed_runs",
                                                "baseline",
                                                "difference",
                                                "ci_low",
                                                "ci_high",
                                                "p_value",
                                                "holm_p_value",
                                                "verdict",
                                                "n_pairs",
                                                "examples",
                                                "flops",
                                                "max_train_rows",
                                                "max_dev_rows",
                                                "source"};

std::vector<std::string> entry_row(const spec::Spec& spec, const Entry& entry) {
  const Interval interval = entry.difference.interval(kLevel);
  const Comparison* const judged = entry.comparison;
  return {entry.task,
          entry.metric,
          selection_split(spec),
          report_split(spec),
          fmt::format("{}", entry.seeds),
          exact(entry.mean),
          exact(entry.stddev),
          exact(entry.selection),
          exact(entry.trials),
          exact(entry.modelled),
          fmt::format("{}", entry.failed),
          fmt::format("{}", entry.diverged),
          fmt::format("{}", entry.collapsed),
          std::isnan(entry.difference.difference) ? "" : spec.baseline,
          exact(entry.difference.difference),
          exact(interval.low),
          exact(interval.high),
          exact(entry.difference.p_value()),
          exact(judged != nullptr ? judged->corrected.p_value : kNaN),
          judged != nullptr ? verdict_text(*judged) : "",
          fmt::format("{}", entry.pairs),
          exact(entry.examples),
          exact(entry.flops),
          row_cap(spec.max_train_rows),
          row_cap(spec.max_dev_rows),
          "measured"};
}

// A published score takes the place of a mean; nothing else is known of it.
std::vector<std::string> published_row(const spec::Spec& spec, const spec::PublishedRow& row,
                                       const std::string& task, double score) {
  std::vector<std::string> fields(kEntryColumns.size());
  const auto set = [&](std::string_view column, std::string value) {
    fields[static_cast<std::size_t>(std::ranges::find(kEntryColumns, column) -
                                    kEntryColumns.begin())] = std::move(value);
  };
  set("task", task);
  for (const spec::TaskEntry& entry : spec.tasks) {
    if (entry.task.name == task) set("metric", metrics_of(entry.task));
  }
  set("mean", exact(score));
  set("source", row.source.empty() ? "published" : "published: " + row.source);
  return fields;
}

Table long_table(const Comparing& all, bool pairs) {
  const Rows rows(all);
  Table table;
  table.columns = {"method"};
  if (pairs) table.columns.insert(table.columns.end(), {"outer", "inner"});
  table.columns.insert(table.columns.end(), kEntryColumns.begin(), kEntryColumns.end());
  for (const spec::Method& method : all.spec.methods) {
    if (pairs && !is_pair(method)) continue;
    for (const Entry& entry : rows.entries(method)) {
      std::vector<std::string> row = {method.name};
      if (pairs) row.insert(row.end(), {method.outer, method.inner});
      std::ranges::move(entry_row(all.spec, entry), std::back_inserter(row));
      table.rows.push_back(std::move(row));
    }
  }
  if (pairs) return table;
  for (const spec::PublishedRow& published : all.spec.published) {
    for (const auto& [task, score] : published.scores) {
      std::vector<std::string> row = {published.method};
      std::ranges::move(published_row(all.spec, published, task, score), std::back_inserter(row));
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

std::string caption(const Comparing& all, bool spread) {
  const spec::Spec& spec = all.spec;
  const std::size_t seeds = spec.seeds.size();
  std::string text =
      fmt::format("{}: scores x 100, report split: {}, selection split: {}; mean{} over {} seed{}",
                  spec.name, report_split(spec), selection_split(spec), spread ? " ± sd" : "",
                  seeds, seeds == 1 ? "" : "s");
  if (spec.max_train_rows > 0 || spec.max_dev_rows > 0) {
    text += fmt::format("; rows per task: train {}, dev {}", row_cap(spec.max_train_rows),
                        row_cap(spec.max_dev_rows));
  }
  if (Rows::shows_learned(all.scores)) {
    std::string names;
    for (const spec::TaskEntry* task : all.scores.at_chance()) {
      names += (names.empty() ? "" : ", ") + task->task.name;
    }
    text += fmt::format("; {} is without {}, at chance for this model ({})",
                        Rows::learned_name(all.scores), names,
                        spec.measure_chance ? "as measured" : "as the spec says");
  }
  const auto done = std::ranges::count(all.cells, true, &CellData::complete);
  if (done < std::ssize(all.cells)) {
    text += fmt::format("; INCOMPLETE: {} of {} cells done", done, all.cells.size());
  }
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

// The tasks and averages as columns, for published rows too.
std::vector<std::string> score_columns(const Scores& scores) {
  std::vector<std::string> columns;
  for (const spec::TaskEntry* task : scores.tasks()) columns.push_back(task->task.name);
  columns.push_back("average");
  if (Rows::shows_learned(scores)) columns.push_back(Rows::learned_name(scores));
  return columns;
}

void add_published(const Comparing& all, Table& table) {
  for (const spec::PublishedRow& published : all.spec.published) {
    std::vector<std::string> row = {published.method + " (published)"};
    for (std::size_t i = 1; i < table.columns.size(); ++i) {
      const auto found = std::ranges::find(published.scores, table.columns[i],
                                           &std::pair<std::string, double>::first);
      row.push_back(found == published.scores.end() ? "–" : rounded(found->second, 2));
    }
    table.rows.push_back(std::move(row));
  }
}

Table wide_table(const Comparing& all, bool pairs) {
  const Rows rows(all);
  Table table;
  table.caption = caption(all, true) + " " + family_caption(all.spec);
  table.signature = all.signature;
  table.columns =
      pairs ? std::vector<std::string>{"outer", "inner"} : std::vector<std::string>{"method"};
  table.text_columns = static_cast<int>(table.columns.size());
  for (std::string& column : score_columns(all.scores)) table.columns.push_back(std::move(column));
  const std::size_t seeds = all.spec.seeds.size();
  const std::size_t average = all.scores.tasks().size();
  table.columns.insert(table.columns.end(), {"difference", "95 %", "p", "verdict", "trials",
                                             "modelled", "failed", "diverged", "collapsed"});
  for (const spec::Method& method : all.spec.methods) {
    if (pairs && !is_pair(method)) continue;
    std::vector<std::string> row =
        pairs ? std::vector{method.outer, method.inner} : std::vector{method.name};
    const std::vector<Entry> entries = rows.entries(method);
    for (const Entry& entry : entries) row.push_back(with_spread(entry, seeds));
    const Entry& whole = entries[average];
    const Comparison* const judged = whole.comparison;
    const std::vector<std::string> rest = {
        rounded(whole.difference.difference, 2),
        range_text(whole.difference.interval(kLevel)),
        rounded(judged != nullptr ? judged->corrected.p_value : kNaN, 3),
        judged != nullptr ? verdict_text(*judged) : "–",
        rounded(whole.trials, 0),
        rounded(whole.modelled, 0),
        fmt::format("{}", whole.failed),
        fmt::format("{}", whole.diverged),
        fmt::format("{}", whole.collapsed)};
    row.insert(row.end(), rest.begin(), rest.end());
    table.rows.push_back(std::move(row));
  }
  if (!pairs) add_published(all, table);
  return table;
}

}  // namespace

bool is_pair(const spec::Method& method) { return !method.outer.empty() && !method.inner.empty(); }

Table methods_csv(const Comparing& all) { return long_table(all, false); }

Table methods_twin(const Comparing& all) { return wide_table(all, false); }

Table pairs_csv(const Comparing& all) { return long_table(all, true); }

Table pairs_twin(const Comparing& all) { return wide_table(all, true); }

Table methods_text(const Comparing& all) {
  const Rows rows(all);
  Table table;
  table.caption = caption(all, false);
  table.columns = {"method"};
  for (std::string& column : score_columns(all.scores)) table.columns.push_back(std::move(column));
  const std::size_t averages = all.scores.tasks().size();
  // What went wrong, if anything did: a column of zeros would only take room.
  struct Count {
    const char* name;
    int Entry::*runs;
    int sum = 0;
  };
  Count counts[] = {
      {"failed", &Entry::failed}, {"diverged", &Entry::diverged}, {"collapsed", &Entry::collapsed}};
  std::vector<std::vector<Entry>> entries;
  for (const spec::Method& method : all.spec.methods) {
    entries.push_back(rows.entries(method));
    for (Count& count : counts) count.sum += entries.back()[averages].*count.runs;
  }
  table.columns.push_back("trials (modelled)");
  for (const Count& count : counts) {
    if (count.sum > 0) table.columns.push_back(count.name);
  }
  for (std::size_t m = 0; m < entries.size(); ++m) {
    std::vector<std::string> row = {all.spec.methods[m].name};
    for (std::size_t i = 0; i < entries[m].size(); ++i) {
      const Entry& entry = entries[m][i];
      row.push_back(i < averages ? rounded(entry.mean, 2)
                                 : with_spread(entry, all.spec.seeds.size()));
    }
    const Entry& whole = entries[m][averages];
    row.push_back(fmt::format("{} ({})", rounded(whole.trials, 0), rounded(whole.modelled, 0)));
    for (const Count& count : counts) {
      if (count.sum > 0) row.push_back(fmt::format("{}", whole.*count.runs));
    }
    table.rows.push_back(std::move(row));
  }
  add_published(all, table);
  return table;
}

}  // namespace runner::report
