#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "experiment/run.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "report/page.hpp"
#include "report/page_rows.hpp"
#include "report/page_search.hpp"
#include "report/rows.hpp"
#include "report/statistics.hpp"
#include "spec/comparisons.hpp"
#include "spec/resolved.hpp"

namespace runner::report {
namespace {

using experiment::TrialRecord;
using json = io::Json;

json provenance_of(const spec::Spec& spec) {
  json lines = json::array();
  json provenance;
  try {
    provenance = io::read_json_object(experiment::run_folder(spec) / "provenance.json");
  } catch (const InputError&) {
    return lines;  // damaged: the page is of what was measured
  }
  for (const auto& [key, value] : provenance.items()) {
    std::string text;
    const json parts = value.is_structured() ? value : json::array({value});
    for (const auto& [name, part] : parts.items()) {
      text += text.empty() ? "" : "; ";
      if (value.is_object()) text += name + "=";
      text += part.is_string() ? part.get<std::string>() : part.dump();
    }
    lines.push_back({key, text});
  }
  return lines;
}

// Over seeds; of a single seed over rows, for these trained models.
Interval interval_of(const Comparing& all, const Comparison& comparison) {
  return all.spec.seeds.size() == 1 ? comparison.rows : comparison.estimate.interval(kLevel);
}

std::string difference_text(const Comparing& all, const Comparison& comparison) {
  const Interval interval = interval_of(all, comparison);
  std::string text = fmt::format("{:+.2f} points", comparison.estimate.difference);
  if (!std::isnan(interval.low)) text += fmt::format(", 95 % interval {}", range_text(interval));
  return text;
}

// A comparison in one sentence, and the figures behind it.
json verdict_of(const Comparing& all, const Comparison& comparison) {
  const std::string& method = comparison.method->name;
  const std::string& against = comparison.against->name;
  std::string text;
  switch (comparison.verdict) {
    case Verdict::better:
    case Verdict::worse:
      text = fmt::format("{} is {} than {}", method, verdict_name(comparison.verdict), against);
      break;
    case Verdict::equal:
      text = fmt::format("{} and {} are equal, to within {} points", method, against,
                         io::number(all.spec.equivalence));
      break;
    case Verdict::undecided:
      text = fmt::format("It is undecided whether {} is better than {}", method, against);
      break;
    case Verdict::none:
      text =
          fmt::format("No verdict on {} against {}: {}", method, against, verdict_text(comparison));
      break;
  }
  if (std::isnan(comparison.estimate.difference)) {
    return {{"kind", "none"}, {"text", text}, {"detail", ""}};
  }
  std::string detail = difference_text(all, comparison);
  if (all.spec.seeds.size() == 1) {
    detail += " over rows, for these trained models";
  } else if (!std::isnan(comparison.p_value)) {
    detail += fmt::format(", p = {:.3f}", comparison.p_value);
  }
  if (comparison.verdict == Verdict::undecided) {
    detail += comparison.seeds_to_decide > 0
                  ? fmt::format("; with this spread {} seeds would decide, not {}",
                                comparison.seeds_to_decide, all.spec.seeds.size())
                  : "; with this spread not even 1,000 seeds would decide";
  }
  return {{"kind", verdict_name(comparison.verdict)}, {"text", text}, {"detail", detail + "."}};
}

// What the family of the other comparisons says, in a few words.
std::string family_text(const Comparing& all) {
  std::size_t count = 0, undecided = 0, without = 0;
  std::string decided;
  for (const Comparison& comparison : all.comparisons) {
    if (comparison.primary) continue;
    ++count;
    if (comparison.verdict == Verdict::none) ++without;
    if (comparison.verdict == Verdict::undecided) ++undecided;
    if (comparison.verdict == Verdict::none || comparison.verdict == Verdict::undecided) continue;
    const bool equal = comparison.verdict == Verdict::equal;
    decided += fmt::format("{} is {} {} {} ({}); ", comparison.method->name,
                           verdict_name(comparison.verdict), equal ? "to" : "than",
                           comparison.against->name, difference_text(all, comparison));
  }
  if (count == 0) return "";
  const bool others = count < all.comparisons.size();  // beside a primary one
  std::string text = count == 1
                         ? fmt::format("The {}comparison: ", others ? "other " : "")
                         : fmt::format("Of {}{} comparisons: ", others ? "the other " : "", count);
  text += decided;
  if (undecided > 0) text += fmt::format("{} undecided; ", undecided);
  if (without > 0) text += fmt::format("{} without a verdict; ", without);
  text.resize(text.size() - 2);
  return text + ".";
}

json comparisons_of(const Comparing& all) {
  json rows = page_table(
      {"method", "reference", "primary", "difference", "low", "high", "p", "holm", "verdict"});
  for (const Comparison& comparison : all.comparisons) {
    const Interval interval = interval_of(all, comparison);
    add_row(rows, {comparison.method->name, comparison.against->name,
                   comparison.primary ? "primary" : "family", shown(comparison.estimate.difference),
                   shown(interval.low), shown(interval.high), shown(comparison.p_value),
                   shown(comparison.corrected.p_value), verdict_name(comparison.verdict)});
  }
  return rows;
}

// Mean, sd and number of seeds; of the average over tasks when `task` is null.
struct Summary {
  double mean = NAN, stddev = NAN;
  std::size_t seeds = 0;
};

Summary summary_of(const Comparing& all, const spec::Method& method, const spec::TaskEntry* task) {
  std::map<std::uint64_t, std::vector<double>> by_seed;
  std::vector<double> means;
  for (const spec::TaskEntry& entry : all.spec.tasks) {
    if (task != nullptr && &entry != task) continue;
    std::vector<double> scores;
    for (const auto& [seed, score] : all.scores.of(entry, method)) {
      scores.push_back(score);
      by_seed[seed].push_back(score);
    }
    means.push_back(mean(scores));
  }
  std::vector<double> whole;  // of the seeds that every task has
  for (const auto& [seed, scores] : by_seed) {
    if (scores.size() == means.size()) whole.push_back(mean(scores));
  }
  return {mean(means), stddev(whole), whole.size()};
}

json means_of(const Comparing& all) {
  json means = page_table({"method", "task", "mean", "sd", "n"});
  for (const spec::Method& method : all.spec.methods) {
    const auto put = [&](const std::string& name, const spec::TaskEntry* task) {
      const Summary summary = summary_of(all, method, task);
      add_row(means,
              {method.name, name, shown(summary.mean), shown(summary.stddev), summary.seeds});
    };
    for (const spec::TaskEntry& task : all.spec.tasks) put(task.task.name, &task);
    put("average", nullptr);
  }
  return means;
}

// The method with the highest mean; null when none has one.
const spec::Method* best_method(const Comparing& all, const spec::TaskEntry* task) {
  const spec::Method* best = nullptr;
  double highest = -HUGE_VAL;
  for (const spec::Method& method : all.spec.methods) {
    const double score = summary_of(all, method, task).mean;
    if (!(score > highest)) continue;
    highest = score;
    best = &method;
  }
  return best;
}

json best_of(const Comparing& all) {
  const spec::Method* const baseline = spec::find_method(all.spec, all.spec.baseline);
  json best = page_table({"task", "best", "mean", "sd", "seeds", "baseline"});
  for (const spec::TaskEntry& task : all.spec.tasks) {
    const spec::Method* const method = best_method(all, &task);
    if (method == nullptr) continue;
    const Summary summary = summary_of(all, *method, &task);
    const double beside = baseline != nullptr ? summary_of(all, *baseline, &task).mean : NAN;
    add_row(best, {task.task.name, method->name, shown(summary.mean), shown(summary.stddev),
                   summary.seeds, shown(beside)});
  }
  return best;
}

json pairs_of(const Comparing& all) {
  json pairs = page_table({"outer", "inner", "mean", "sd"});
  for (const spec::Method& method : all.spec.methods) {
    if (!is_pair(method)) continue;
    const Summary summary = summary_of(all, method, nullptr);
    if (std::isnan(summary.mean)) continue;
    add_row(pairs, {method.outer, method.inner, shown(summary.mean), shown(summary.stddev)});
  }
  return pairs;
}

json card(std::string label, std::string value, std::string note) {
  return {{"label", std::move(label)}, {"value", std::move(value)}, {"note", std::move(note)}};
}

json cards_of(const Comparing& all) {
  json cards = json::array();
  if (const spec::Method* const best = best_method(all, nullptr)) {
    const Summary summary = summary_of(all, *best, nullptr);
    cards.push_back(card("Highest average", best->name,
                         fmt::format("{} over {} seed{}", rounded(summary.mean, 2), summary.seeds,
                                     summary.seeds == 1 ? "" : "s")));
  }
  std::size_t trials = 0, cells = 0, without = 0, pruned = 0;
  double flops = 0.0, seconds = 0.0;
  std::set<std::string> runs;
  for (const CellData& data : all.cells) {
    cells += data.complete ? 1U : 0U;
    for (const TrialRecord& trial : data.history.trials) {
      ++trials;
      without += trial.has_result() ? 0U : 1U;
      pruned += trial.is_pruned() ? 1U : 0U;
      flops += trial.budget.flops;
      const bool first = runs.insert(run_name(trial)).second;
      seconds += (first ? trial.budget.train_seconds : 0.0) + trial.budget.fusion_seconds +
                 trial.budget.evaluate_seconds;
    }
  }
  cards.push_back(card("Trials", fmt::format("{}", trials),
                       fmt::format("{} training runs after sharing", runs.size())));
  constexpr double kMinute = 60.0, kHour = 3600.0;
  cards.push_back(card("Cost", fmt::format("{:.2g} FLOPs", flops),
                       seconds < kHour
                           ? fmt::format("{:.1f} minutes as run here", seconds / kMinute)
                           : fmt::format("{:.1f} hours as run here", seconds / kHour)));
  cards.push_back(card("Without a result", fmt::format("{}", without),
                       fmt::format("of {} trials{}; {} of {} cells complete", trials,
                                   pruned > 0 ? fmt::format(", {} of them pruned", pruned) : "",
                                   cells, all.cells.size())));
  return cards;
}

std::string asked(const Comparing& all) {
  const spec::Spec& spec = all.spec;
  std::string question = "Which way of fine-tuning is best at equal budget?";
  if (!all.comparisons.empty() && all.comparisons.front().primary) {
    const Comparison& primary = all.comparisons.front();
    question = fmt::format("Is {} better than {} at equal budget?", primary.method->name,
                           primary.against->name);
  }
  std::string text = fmt::format(
      "{} {} task{}, {} methods, {} seed{}; chosen on {}, reported on {}.", question,
      spec.tasks.size(), spec.tasks.size() == 1 ? "" : "s", spec.methods.size(), spec.seeds.size(),
      spec.seeds.size() == 1 ? "" : "s", selection_split(spec), report_split(spec));
  const auto done = std::ranges::count(all.cells, true, &CellData::complete);
  if (done < std::ssize(all.cells)) {
    text += fmt::format(" INCOMPLETE: {} of {} cells are done.", done, all.cells.size());
  }
  return text;
}

json table_of(const Table& source) { return {{"columns", source.columns}, {"rows", source.rows}}; }

json experiment_of(const Comparing& all) {
  const spec::Spec& spec = all.spec;
  json tasks = json::array(), methods = json::array(), verdicts = json::array();
  for (const spec::TaskEntry& task : spec.tasks) tasks.push_back(task.task.name);
  for (const spec::Method& method : spec.methods) methods.push_back(method.name);
  for (const Comparison& comparison : all.comparisons) {
    if (comparison.primary) verdicts.push_back(verdict_of(all, comparison));
  }
  json command = {"runner", spec.file.string()};
  for (const auto& [key, value] : spec.overrides)
    command.push_back(fmt::format("{}={}", key, value));
  const Table wide = methods_twin(all);
  json page = page_rows(spec, all.cells);
  page.update(page_search(spec, all.cells));
  page.update(json{{"name", spec.name},
                   {"title", fmt::format("Fine-tuning of {}", spec.model.filename().string())},
                   {"asked", asked(all)},
                   {"reading", wide.caption},
                   {"signature", all.signature},
                   {"baseline", spec.baseline},
                   {"tasks", tasks},
                   {"methods", methods},
                   {"verdicts", verdicts},
                   {"family", family_text(all)},
                   {"cards", cards_of(all)},
                   {"best", best_of(all)},
                   {"comparisons", comparisons_of(all)},
                   {"table", table_of(wide)},
                   {"pairs", pairs_of(all)},
                   {"means", means_of(all)},
                   {"provenance", provenance_of(spec)},
                   {"command", command}});
  return page;
}

// The fields in which the experiments' specs differ, a column for each.
json differences_of(std::span<const Comparing> experiments) {
  std::map<std::string, std::vector<std::string>> values;  // by field
  json table = page_table({"field"});
  for (std::size_t i = 0; i < experiments.size(); ++i) {
    table["columns"].push_back(experiments[i].spec.name);
    for (const auto& [field, value] : spec::identity(experiments[i].spec)) {
      values[field].resize(experiments.size());
      values[field][i] = value;
    }
  }
  for (const auto& [field, row] : values) {
    if (std::ranges::adjacent_find(row, std::ranges::not_equal_to{}) == row.end()) continue;
    json line = {field};
    for (const std::string& value : row) line.push_back(value);
    add_row(table, std::move(line));
  }
  return table;
}

}  // namespace

json page_data(std::span<const Comparing> experiments) {
  json runs = json::array();
  for (const Comparing& all : experiments) runs.push_back(experiment_of(all));
  return {{"format", 1}, {"runs", runs}, {"differences", differences_of(experiments)}};
}

}  // namespace runner::report
