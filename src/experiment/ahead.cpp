#include "experiment/ahead.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "experiment/pruning.hpp"
#include "experiment/status.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "spec/variables.hpp"

namespace runner::experiment {
namespace fs = std::filesystem;
namespace {

fs::path ahead_folder(const Cell& cell) { return cell_folder(cell) / "ahead"; }

// Is the trial a function of the spec alone, once those before it are proposed?
bool is_knowable(spec::Search search) {
  switch (search) {
    case spec::Search::none:
    case spec::Search::restarts:
    case spec::Search::random:
    case spec::Search::grid:
    case spec::Search::bo:  // its start design
    case spec::Search::refuse:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::vector<TrialRecord> foreseen_trials(const Cell& cell, std::vector<TrialRecord> history,
                                         std::span<const TrialRecord> donated,
                                         std::span<const TrialRecord> begin) {
  const bool takes = donor_of(cell).has_value();
  const std::size_t known = history.size();
  const auto expected = static_cast<std::size_t>(expected_trials(cell, history));
  const auto is_foreseen = [&](std::size_t trial) {
    return takes ? can_take(cell, trial, donated) : trial < expected;
  };
  const auto take = [&](TrialRecord trial) {
    trial.objective = 0.0;  // in place of an outcome
    history.push_back(std::move(trial));
  };
  for (const TrialRecord& trial : begin) take(trial);
  while (is_foreseen(history.size())) {
    auto next = propose_trial(cell, history, donated);
    if (!next) break;
    // What a model chooses, and where a run ends that can be pruned, is known only when the
    // outcomes are that it looks at.
    const bool modelled = next->proposal.is_modelled() || !next->proposal.fit.fallback.empty();
    const bool looks_back = modelled || can_be_pruned(cell, *next);
    if (looks_back && known_outcomes(cell, history.size()) > known) break;
    take(*std::move(next));
    // Or the next is proposed in vain, which costs a fit of the model.
    if (modelled && known_outcomes(cell, history.size()) > known) break;
  }
  history.erase(history.begin(), history.begin() + static_cast<std::ptrdiff_t>(known));
  for (TrialRecord& trial : history) trial.objective = kUnknown;
  return history;
}

bool goes_side_by_side(const Cell& cell) {
  return cell.spec->outer.parallel > 1 && is_knowable(cell.method->search) && !donor_of(cell) &&
         cell.method->search != spec::Search::none;
}

fs::path ahead_folder(const Cell& cell, const TrialRecord& proposed) {
  std::string tried = fmt::format("{}", proposed.run_seed);
  for (const auto& [name, value] : proposed.lambda) tried += fmt::format(" {}={}", name, value);
  constexpr std::size_t kDigits = 8;
  return ahead_folder(cell) /
         fmt::format("trial{}-{}", proposed.trial, io::content_hash(tried).substr(0, kDigits));
}

History read_ahead(const Cell& cell, const TrialRecord& proposed) {
  History history = read_journal(ahead_folder(cell, proposed) / "journal.jsonl", owner_of(cell));
  for (InnerRecord& record : history.inner) record.trial = proposed.trial;
  for (TrialRecord& record : history.trials) record.trial = proposed.trial;
  return history;
}

bool is_made_ahead(const KnownTrial& known) {
  return !read_ahead(known.cell, known.proposed).trials.empty();
}

RunIdentity identity_of(const RunRequest& request) {
  spec::Trial trial;
  trial.train = request.options;
  std::vector<double> values;
  for (const spec::VariableRow& variable : spec::variables()) {
    if (!variable.is_inner()) values.push_back(variable.get(trial));
  }
  return {request.task, request.seed, request.split_seed, values};
}

std::vector<KnownRun> known_runs(const spec::Spec& spec) {
  std::vector<Cell> cells = list_cells(spec);
  sort_for_work(cells);
  std::vector<KnownRun> runs;
  std::map<RunIdentity, std::size_t> places;
  using Name = std::tuple<const spec::TaskEntry*, std::uint64_t, std::string>;
  std::map<Name, std::vector<TrialRecord>> foreseen;  // a cell's donor comes before it
  for (const Cell& cell : cells) {
    if (!is_knowable(cell.method->search)) continue;
    std::vector<TrialRecord>& trials = foreseen[{cell.task, cell.seed, cell.method->name}];
    trials = foreseen_trials(cell, {}, foreseen[{cell.task, cell.seed, cell.method->of}]);
    for (const TrialRecord& trial : trials) {
      RunRequest request = request_of(cell, trial);
      const auto [place, is_new] = places.try_emplace(identity_of(request), runs.size());
      if (is_new) {
        runs.push_back({.name = fmt::format("{}/trial{}", cell_name(cell), trial.trial),
                        .request = std::move(request),
                        .trials = {}});
      }
      runs[place->second].trials.push_back({cell, trial});
    }
  }
  return runs;
}

std::vector<KnownRun> unmade(std::vector<KnownRun> runs) {
  std::map<fs::path, std::size_t> made;  // trials in each cell's journal
  const auto is_made = [&](const KnownTrial& known) {
    const auto [count, is_new] = made.try_emplace(cell_folder(known.cell));
    try {
      if (is_new) count->second = read_history(known.cell).trials.size();
      return static_cast<std::size_t>(known.proposed.trial) < count->second || is_made_ahead(known);
    } catch (const InputError&) {
      return false;
    }
  };
  for (KnownRun& run : runs) std::erase_if(run.trials, is_made);
  std::erase_if(runs, [](const KnownRun& run) { return run.trials.empty(); });
  return runs;
}

std::vector<KnownRun> named_runs(const std::vector<KnownRun>& runs,
                                 std::span<const std::string> names) {
  std::vector<KnownRun> chosen;
  for (const std::string& name : names) {
    const auto run = std::ranges::find(runs, name, &KnownRun::name);
    if (run == runs.end()) {
      throw InputError(fmt::format("'{}' is none of the runs that are known beforehand, such as {}",
                                   name, runs.empty() ? "none" : runs.front().name));
    }
    chosen.push_back(*run);
  }
  return chosen;
}

std::optional<TrialRecord> take_in(const Cell& cell, const TrialRecord& proposed,
                                   Journal& journal) {
  History made = read_ahead(cell, proposed);
  if (made.trials.empty()) return std::nullopt;
  TrialRecord record = std::move(made.trials.front());
  record.proposal = proposed.proposal;
  // Of an interrupted attempt the journal has the first ones already.
  for (std::size_t i = journal.history().inner_of(proposed.trial).size(); i < made.inner.size();
       ++i) {
    journal.append(std::move(made.inner[i]));
  }
  if (!is_incumbent(record, journal.history().trials)) record.evaluation.predictions.clear();
  journal.append(record);
  std::error_code ignored;  // the cell's end removes what stays
  fs::remove_all(ahead_folder(cell, proposed), ignored);
  return record;
}

void complete(const Cell& cell, const History& history) {
  const fs::path folder = cell_folder(cell);
  io::write_file_if_changed(folder / "result.json", result_of(cell, history));
  forget_error(cell);
  std::error_code ignored;
  fs::remove_all(folder / "ahead", ignored);
}

void settle(const Cell& cell) {
  if (!fs::exists(ahead_folder(cell))) return;
  std::string holder;
  const std::optional<Lease> lease = Lease::take(cell_folder(cell) / "owner.json", holder);
  if (!lease) return;
  std::vector<TrialRecord> donated;
  if (const std::optional<Cell> donor = donor_of(cell)) {
    History history = read_history(*donor);
    if (!is_complete(*donor, history)) return;
    donated = std::move(history.trials);
  }
  {
    Journal journal(journal_path(cell), owner_of(cell));
    const auto made = journal.history().trials.size();
    if (read_history(cell).trials.size() < made) return;  // cut, or of another choice: a run's work
    while (auto proposed = propose_trial(cell, journal.history().trials, donated)) {
      if (!take_in(cell, *proposed, journal)) break;
    }
  }
  const History history = read_history(cell);
  if (is_complete(cell, history)) complete(cell, history);
}

void settle(const spec::Spec& spec) {
  for (const Cell& cell : list_cells(spec)) {
    try {
      settle(cell);
    } catch (const InputError&) {
      // Told by the tables, which read it too; the others are settled all the same.
    }
  }
}

}  // namespace runner::experiment
