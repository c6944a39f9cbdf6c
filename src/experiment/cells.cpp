#include "experiment/cells.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include "experiment/ahead.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "spec/budget.hpp"
#include "spec/variables.hpp"

namespace runner::experiment {
namespace fs = std::filesystem;
namespace {

// A folder's name from a task's or method's: "bilevel(ei,ucb)" becomes "bilevel_ei_ucb". '+' stays,
// for "bilevel(ei+ucb,ei)" is not "bilevel(ei,ucb+ei)".
std::string folder_name(std::string_view name) {
  std::string folder;
  for (const char c : name) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '+';
    folder += plain ? c : '_';
  }
  while (folder.size() > 1 && folder.back() == '_') folder.pop_back();
  return folder;
}

}  // namespace

fs::path run_folder(const spec::Spec& spec) { return spec.runs_root / spec.name; }

std::vector<Cell> list_cells(const spec::Spec& spec) {
  std::vector<Cell> cells;
  for (const spec::TaskEntry& task : spec.tasks) {
    for (const spec::Method& method : spec.methods) {
      for (const std::uint64_t seed : spec.seeds) {
        cells.push_back({.spec = &spec, .task = &task, .method = &method, .seed = seed});
      }
    }
  }
  return cells;
}

std::string cell_name(const Cell& cell) {
  return fmt::format("{}/{}/seed{}", cell.task->task.name, cell.method->name, cell.seed);
}

fs::path cell_folder(const Cell& cell) {
  return run_folder(*cell.spec) / "cells" / folder_name(cell.task->task.name) /
         folder_name(cell.method->name) / fmt::format("seed{}", cell.seed);
}

fs::path journal_path(const Cell& cell) { return cell_folder(cell) / "journal.jsonl"; }

JournalOwner owner_of(const Cell& cell) {
  return {cell.task->task.name, cell.method->name, cell.seed};
}

History read_history(const Cell& cell) {
  History history = read_journal(journal_path(cell), owner_of(cell));
  const std::optional<Cell> donor = donor_of(cell);
  if (history.trials.empty() || !donor) {
    history.cut(static_cast<int>(admitted_trials(cell, history.trials)));
    return history;
  }
  const std::vector<TrialRecord> donated = read_history(*donor).trials;
  history.cut(static_cast<int>(admitted_trials(cell, history.trials, donated)));
  history.cut(static_cast<int>(agreeing_trials(cell, history.trials, donated)));
  return history;
}

History readable_history(const Cell& cell) {
  try {
    return read_history(cell);
  } catch (const InputError&) {
    return {};
  }
}

bool is_complete(const Cell& cell, const History& history) {
  const std::optional<Cell> donor = donor_of(cell);
  const bool asks_donor = donor && !planned_trials(cell);
  return has_ended(cell, history.trials,
                   asks_donor ? read_history(*donor).trials : std::vector<TrialRecord>());
}

bool is_done(const Cell& cell, const History& history) {
  const fs::path result = cell_folder(cell) / "result.json";
  return history.damage.empty() && is_complete(cell, history) && fs::is_regular_file(result) &&
         io::read_file(result) == result_of(cell, history);
}

std::string stand_of(const Cell& cell, const History& history) {
  const std::size_t count = history.trials.size();
  if (const std::optional<int> planned = planned_trials(cell)) {
    return fmt::format("{} of {} trials", count, *planned);
  }
  if (const std::optional<Cell> donor = donor_of(cell)) {
    return fmt::format("{} trials, as many as {} will have", count, donor->method->name);
  }
  const spec::BudgetLimit& budget = *cell.spec->outer.budget;
  return fmt::format("{} trials, {}", count,
                     spec::written(budget, spent(history.trials, budget.unit)));
}

std::string result_of(const Cell& cell, const History& history) {
  io::Json result = {{"task", cell.task->task.name},
                     {"method", cell.method->name},
                     {"seed", cell.seed},
                     {"trials", history.trials.size()},
                     {"chosen", nullptr}};
  const int best = best_trial(history.trials);
  if (best >= 0) {
    const TrialRecord& chosen = history.trials[static_cast<std::size_t>(best)];
    result["chosen"] = chosen;
    for (const char* bulky : {"curve", "proposal", "predictions"}) result["chosen"].erase(bulky);
    io::Json lambda = io::Json::object();  // as a spec would say it
    const std::vector<bool> exists = existing(cell, chosen);
    for (std::size_t i = 0; i < chosen.lambda.size(); ++i) {
      if (!exists[i]) continue;
      const bo::Variable& searched = cell.spec->search[i];
      lambda[searched.name] = spec::written(searched, chosen.lambda[i].second);
    }
    result["chosen"]["lambda"] = std::move(lambda);
  }
  return result.dump(2) + "\n";
}

void sort_for_work(std::vector<Cell>& cells) {
  const auto place = [](const Cell& cell) {
    const std::vector<std::uint64_t>& seeds = cell.spec->seeds;
    return std::pair(std::ranges::find(seeds, cell.seed) - seeds.begin(), cell.task);
  };
  std::ranges::stable_sort(cells, {}, place);
}

std::vector<Cell> cells_of_shard(const spec::Spec& spec, int shard, int shards) {
  if (shards < 1 || shard < 0 || shard >= shards) {
    throw InputError(fmt::format("shard {}/{}: the first must be in 0..{}", shard, shards,
                                 std::max(shards - 1, 0)));
  }
  const auto groups = static_cast<int>(spec.tasks.size() * spec.seeds.size());
  std::map<std::pair<std::string, std::uint64_t>, int> group_of;
  std::map<int, int> seen;  // cells of a group so far
  std::map<std::pair<int, const spec::Method*>, int> shard_of;
  std::vector<Cell> chosen;
  for (const Cell& cell : list_cells(spec)) {
    const auto key = std::pair(cell.task->task.name, cell.seed);
    const int group = group_of.try_emplace(key, static_cast<int>(group_of.size())).first->second;
    // With more shards than groups, group g has the shards g, g + groups, g + 2 groups, ...
    const int home = group % shards;
    const int share = (shards - home + groups - 1) / groups;
    int mine = home;
    if (shards > groups) {
      const std::optional<Cell> donor = donor_of(cell);  // the same share as its own
      mine = donor ? shard_of.at({group, donor->method}) : home + groups * (seen[group]++ % share);
      shard_of[{group, cell.method}] = mine;
    }
    if (mine == shard) chosen.push_back(cell);
  }
  return chosen;
}

std::vector<RunRequest> foreseen_requests(const Cell& cell, History history) {
  const std::optional<Cell> donor = donor_of(cell);
  const std::vector<TrialRecord> donated =
      donor ? readable_history(*donor).trials : std::vector<TrialRecord>();
  std::vector<RunRequest> requests;
  if (cell.method->search == spec::Search::soup) {  // of what there is, before there is all
    for (Ingredient& ingredient : ingredients_of(cell, donated)) {
      requests.push_back(std::move(ingredient.request));
    }
    return requests;
  }
  for (const TrialRecord& trial : foreseen_trials(cell, std::move(history.trials), donated)) {
    requests.push_back(request_of(cell, trial));
  }
  return requests;
}

std::vector<RunRequest> foreseen_requests(const spec::Spec& spec) {
  std::vector<Cell> cells = list_cells(spec);
  sort_for_work(cells);
  std::vector<RunRequest> requests;
  for (const Cell& cell : cells) {
    History history = readable_history(cell);
    if (is_complete(cell, history)) continue;
    std::ranges::move(foreseen_requests(cell, std::move(history)), std::back_inserter(requests));
  }
  return requests;
}

}  // namespace runner::experiment
