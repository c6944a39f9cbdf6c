// The tables for programs: a line for each method and task.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "report/compare.hpp"
#include "report/entries.hpp"

namespace runner::report {
namespace {

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
                                                "pruned_runs",
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
          fmt::format("{}", entry.pruned),
          std::isnan(entry.difference.difference) ? "" : spec.baseline,
          exact(entry.difference.difference),
          exact(interval.low),
          exact(interval.high),
          exact(entry.difference.p_value()),
          exact(judged != nullptr ? judged->corrected.p_value : Entry::kUnknown),
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
  const Entries measured(all);
  Table table;
  table.columns = {"method"};
  if (pairs) table.columns.insert(table.columns.end(), {"outer", "inner"});
  table.columns.insert(table.columns.end(), kEntryColumns.begin(), kEntryColumns.end());
  for (const spec::Method& method : all.spec.methods) {
    if (pairs && !is_pair(method)) continue;
    for (const Entry& entry : measured.of(method)) {
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

}  // namespace

Table methods_csv(const Comparing& all) { return long_table(all, false); }

Table pairs_csv(const Comparing& all) { return long_table(all, true); }

}  // namespace runner::report
