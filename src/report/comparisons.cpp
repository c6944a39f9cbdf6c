#include "report/comparisons.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "report/budget.hpp"
#include "report/statistics.hpp"

namespace runner::report {
namespace {

const CellData* find_cell(const std::vector<CellData>& cells, const spec::TaskEntry& task,
                          const spec::Method& method, std::uint64_t seed) {
  const auto found = std::ranges::find_if(cells, [&](const CellData& data) {
    return data.cell.task == &task && data.cell.method == &method && data.cell.seed == seed;
  });
  return found == cells.end() ? nullptr : &*found;
}

// Rows by who was right.
struct Agreement {
  int rows = 0, both = 0, only_first = 0, only_second = 0;
};

Agreement agreement(const std::vector<experiment::Predictions>& first,
                    const std::vector<experiment::Predictions>& second) {
  Agreement counts;
  for (std::size_t part = 0; part < first.size(); ++part) {
    for (std::size_t row = 0; row < first[part].labels.size(); ++row) {
      const float label = first[part].labels[row];
      const bool a = first[part].predicted[row] == label;
      const bool b = second[part].predicted[row] == label;
      ++counts.rows;
      counts.both += a && b ? 1 : 0;
      counts.only_first += a && !b ? 1 : 0;
      counts.only_second += b && !a ? 1 : 0;
    }
  }
  return counts;
}

std::string name_of(const Comparison& comparison) {
  return fmt::format("{} against {}{}", comparison.method->name, comparison.against->name,
                     comparison.primary ? " (primary)" : "");
}

}  // namespace

Table comparisons_csv(const Comparing& all) {
  Table table;
  table.columns = {"comparison",
                   "method",
                   "against",
                   "n_pairs",
                   "difference",
                   "ci_low",
                   "ci_high",
                   "ci90_low",
                   "ci90_high",
                   "freedom",
                   "p_value",
                   "holm_p_value",
                   "verdict",
                   "seeds_to_decide",
                   "sign_flip_p_value",
                   "rows_ci_low",
                   "rows_ci_high",
                   "equal_examples_difference",
                   "equal_examples_ci_low",
                   "equal_examples_ci_high",
                   "equal_flops_difference",
                   "equal_flops_ci_low",
                   "equal_flops_ci_high"};
  for (const Comparison& comparison : all.comparisons) {
    const Interval interval = comparison.estimate.interval(kLevel);
    const Interval inner = comparison.estimate.interval(kEquivalenceLevel);
    const bool undecided = comparison.verdict == Verdict::undecided;
    std::vector<std::string> row = {comparison.primary ? "primary" : "family",
                                    comparison.method->name,
                                    comparison.against->name,
                                    fmt::format("{}", comparison.pairs()),
                                    exact(comparison.estimate.difference),
                                    exact(interval.low),
                                    exact(interval.high),
                                    exact(inner.low),
                                    exact(inner.high),
                                    exact(comparison.estimate.freedom),
                                    exact(comparison.p_value),
                                    exact(comparison.corrected.p_value),
                                    verdict_text(comparison),
                                    undecided && comparison.seeds_to_decide > 0
                                        ? fmt::format("{}", comparison.seeds_to_decide)
                                        : "",
                                    exact(comparison.sign_flip),
                                    exact(comparison.rows.low),
                                    exact(comparison.rows.high)};
    for (const Unit unit : {Unit::examples, Unit::flops}) {
      const Estimate equal = estimate(differences_at_equal(
          all.cells, all.scores.tasks(), *comparison.method, *comparison.against, unit));
      const Interval range = equal.interval(kLevel);
      row.insert(row.end(), {exact(equal.difference), exact(range.low), exact(range.high)});
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table comparisons_twin(const Comparing& all) {
  Table table;
  table.caption = family_caption(all.spec);
  table.signature = all.signature;
  table.columns = {"comparison",
                   "difference",
                   "95 %",
                   "p",
                   "Holm's p",
                   "verdict",
                   "signs' p",
                   all.spec.seeds.size() == 1 ? "95 % over rows, for these trained models"
                                              : "95 % over rows and seeds"};
  for (const Comparison& comparison : all.comparisons) {
    table.rows.push_back({name_of(comparison), rounded(comparison.estimate.difference, 2),
                          range_text(comparison.estimate.interval(kLevel)),
                          rounded(comparison.p_value, 3), rounded(comparison.corrected.p_value, 3),
                          verdict_text(comparison), rounded(comparison.sign_flip, 3),
                          range_text(comparison.rows)});
  }
  return table;
}

Table comparisons_text(const Comparing& all) {
  const bool one_seed = all.spec.seeds.size() == 1;
  Table table;
  table.caption = fmt::format(
      "Differences of the average in points, {}; docs/statistics.md tells how they are judged.",
      one_seed
          ? "with 95 % intervals over rows, for these trained models: one seed says nothing of "
            "methods"
          : fmt::format("with 95 % intervals over {} seeds", all.spec.seeds.size()));
  table.signature = all.signature;
  table.columns = {"comparison", "difference", "95 %", one_seed ? "" : "Holm's p", "verdict"};
  for (const Comparison& comparison : all.comparisons) {
    table.rows.push_back(
        {name_of(comparison), rounded(comparison.estimate.difference, 2),
         range_text(one_seed ? comparison.rows : comparison.estimate.interval(kLevel)),
         one_seed ? "" : rounded(comparison.corrected.p_value, 3), verdict_text(comparison)});
  }
  return table;
}

Table mcnemar_csv(const Comparing& all) {
  Table table;
  table.columns = {"method",     "against",     "task",         "seed",   "rows",
                   "both_right", "only_method", "only_against", "p_value"};
  for (const Comparison& comparison : all.comparisons) {
    for (const spec::TaskEntry& task : all.spec.tasks) {
      if (task.task.regression) continue;
      for (const std::uint64_t seed : all.spec.seeds) {
        const CellData* const first = find_cell(all.cells, task, *comparison.method, seed);
        const CellData* const second = find_cell(all.cells, task, *comparison.against, seed);
        if (first->predictions().empty() || second->predictions().empty()) continue;
        const Agreement counts = agreement(first->predictions(), second->predictions());
        table.rows.push_back({comparison.method->name, comparison.against->name, task.task.name,
                              fmt::format("{}", seed), fmt::format("{}", counts.rows),
                              fmt::format("{}", counts.both), fmt::format("{}", counts.only_first),
                              fmt::format("{}", counts.only_second),
                              exact(mcnemar_p_value(counts.only_first, counts.only_second))});
      }
    }
  }
  return table;
}

}  // namespace runner::report
