#include "report/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

#include "report/entries.hpp"

namespace runner::report {
namespace {

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
  if (Entries::shows_learned(all.scores)) {
    std::string names;
    for (const spec::TaskEntry* task : all.scores.at_chance()) {
      names += (names.empty() ? "" : ", ") + task->task.name;
    }
    text += fmt::format("; {} is without {}, at chance for this model ({})",
                        Entries::learned_name(all.scores), names,
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
  if (Entries::shows_learned(scores)) columns.push_back(Entries::learned_name(scores));
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
  const Entries measured(all);
  Table table;
  table.caption = caption(all, true) + " " + family_caption(all.spec);
  table.signature = all.signature;
  table.columns =
      pairs ? std::vector<std::string>{"outer", "inner"} : std::vector<std::string>{"method"};
  table.text_columns = static_cast<int>(table.columns.size());
  for (std::string& column : score_columns(all.scores)) table.columns.push_back(std::move(column));
  const std::size_t seeds = all.spec.seeds.size();
  const std::size_t average = all.scores.tasks().size();
  table.columns.insert(table.columns.end(),
                       {"difference", "95 %", "p", "verdict", "trials", "modelled", "failed",
                        "diverged", "collapsed", "pruned"});
  for (const spec::Method& method : all.spec.methods) {
    if (pairs && !is_pair(method)) continue;
    std::vector<std::string> row =
        pairs ? std::vector{method.outer, method.inner} : std::vector{method.name};
    const std::vector<Entry> entries = measured.of(method);
    for (const Entry& entry : entries) row.push_back(with_spread(entry, seeds));
    const Entry& whole = entries[average];
    const Comparison* const judged = whole.comparison;
    const std::vector<std::string> rest = {
        rounded(whole.difference.difference, 2),
        range_text(whole.difference.interval(kLevel)),
        rounded(judged != nullptr ? judged->corrected.p_value : Entry::kUnknown, 3),
        judged != nullptr ? verdict_text(*judged) : "–",
        rounded(whole.trials, 0),
        rounded(whole.modelled, 0),
        fmt::format("{}", whole.failed),
        fmt::format("{}", whole.diverged),
        fmt::format("{}", whole.collapsed),
        fmt::format("{}", whole.pruned)};
    row.insert(row.end(), rest.begin(), rest.end());
    table.rows.push_back(std::move(row));
  }
  if (!pairs) add_published(all, table);
  return table;
}

// How much a table for the terminal says; each row less than the one before.
struct Detail {
  bool modelled = true;
  int task_decimals = 2;
  bool spread = true, learned = true, counts = true, tasks = true;
};
constexpr std::array kDetails = {
    Detail{},
    Detail{.modelled = false},
    Detail{.modelled = false, .task_decimals = 1},
    Detail{.modelled = false, .task_decimals = 1, .spread = false},
    Detail{.modelled = false, .task_decimals = 1, .spread = false, .learned = false},
    Detail{
        .modelled = false, .task_decimals = 1, .spread = false, .learned = false, .counts = false},
    Detail{.tasks = false},
    Detail{.modelled = false, .spread = false, .learned = false, .counts = false, .tasks = false}};

Table text_table(const Comparing& all, const Detail& detail) {
  const Entries measured(all);
  const std::size_t tasks = all.scores.tasks().size();
  const bool learned = detail.learned && Entries::shows_learned(all.scores);
  Table table;
  table.caption = caption(all, false);
  table.columns = {"method"};
  if (detail.tasks) {
    for (const spec::TaskEntry* task : all.scores.tasks()) table.columns.push_back(task->task.name);
  }
  table.columns.push_back("average");
  if (learned) table.columns.push_back(Entries::learned_name(all.scores));
  // What went wrong or was stopped, if anything was: a column of zeros would only take room.
  struct Count {
    const char* name;
    int Entry::*runs;
    int sum = 0;
  };
  Count counts[] = {{"failed", &Entry::failed},
                    {"diverged", &Entry::diverged},
                    {"collapsed", &Entry::collapsed},
                    {"pruned", &Entry::pruned}};
  std::vector<std::vector<Entry>> entries;
  for (const spec::Method& method : all.spec.methods) {
    entries.push_back(measured.of(method));
    for (Count& count : counts) count.sum += entries.back()[tasks].*count.runs;
  }
  table.columns.push_back(detail.modelled ? "trials (modelled)" : "trials");
  for (const Count& count : counts) {
    if (detail.counts && count.sum > 0) table.columns.push_back(count.name);
  }
  for (std::size_t m = 0; m < entries.size(); ++m) {
    std::vector<std::string> row = {all.spec.methods[m].name};
    for (std::size_t i = 0; i < entries[m].size(); ++i) {
      const Entry& entry = entries[m][i];
      if (i < tasks) {
        if (detail.tasks) row.push_back(rounded(entry.mean, detail.task_decimals));
      } else if (i == tasks || learned) {
        row.push_back(detail.spread ? with_spread(entry, all.spec.seeds.size())
                                    : rounded(entry.mean, 2));
      }
    }
    const Entry& whole = entries[m][tasks];
    row.push_back(detail.modelled
                      ? fmt::format("{} ({})", rounded(whole.trials, 0), rounded(whole.modelled, 0))
                      : rounded(whole.trials, 0));
    for (const Count& count : counts) {
      if (detail.counts && count.sum > 0) row.push_back(fmt::format("{}", whole.*count.runs));
    }
    table.rows.push_back(std::move(row));
  }
  add_published(all, table);
  return table;
}

}  // namespace

bool is_pair(const spec::Method& method) { return !method.outer.empty() && !method.inner.empty(); }

Table methods_twin(const Comparing& all) { return wide_table(all, false); }

Table pairs_twin(const Comparing& all) { return wide_table(all, true); }

Table methods_text(const Comparing& all, std::size_t columns) {
  for (const Detail& detail : kDetails) {
    Table table = text_table(all, detail);
    if (&detail != &kDetails.front()) {
      table.caption += " Shortened; --wide and methods.csv have all of it.";
    }
    if (columns == 0 || text_width(table) <= columns || &detail == &kDetails.back()) return table;
  }
  return {};  // not reached: the last row returns
}

}  // namespace runner::report
