#include "slurm/shares.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <utility>

#include "experiment/ahead.hpp"
#include "experiment/cells.hpp"
#include "experiment/forecast.hpp"

namespace runner::slurm {
namespace {

using experiment::Cell;
using experiment::KnownRun;
using experiment::KnownTrial;
using experiment::TrialRecord;

// Adds `item` with the names of what it adds to.
void add(Item& sum, const Item& item) {
  sum.names.insert(sum.names.end(), item.names.begin(), item.names.end());
  sum.cost += item.cost;
}

// The trials of a cell in all, as far as that is known: what a budget buys it is not.
int trials_in_all(const Cell& cell, std::span<const TrialRecord> history) {
  const std::optional<Cell> donor = donor_of(cell);
  const auto planned = planned_trials(cell);
  return planned ? *planned : expected_trials(donor ? *donor : cell, history);
}

}  // namespace

Work work_of(const spec::Spec& spec, experiment::Trainer& pricing) {
  const auto folder_of = [](const Cell& cell) { return experiment::cell_folder(cell); };
  experiment::TrialCosts costs(pricing);
  Work work;
  const std::vector<KnownRun> known = experiment::known_runs(spec);
  std::map<std::filesystem::path, int> known_trials;
  for (const KnownRun& run : known) {
    for (const KnownTrial& trial : run.trials) ++known_trials[folder_of(trial.cell)];
  }
  for (const KnownRun& run : experiment::unmade(known)) {
    Item& item = work.runs.emplace_back(Item{{run.name}, costs.of_training(run.request)});
    for (const KnownTrial& trial : run.trials) {
      item.cost += costs.of_fusion(trial.cell, trial.proposed);
      ++work.trials;
    }
  }

  std::vector<Cell> cells = experiment::list_cells(spec);
  sort_for_work(cells);
  std::map<std::filesystem::path, std::size_t> places;  // of the cell at a chain's beginning
  std::map<std::filesystem::path, Item> waiting;        // that only others may want
  for (const Cell& cell : cells) {
    const experiment::History history = experiment::readable_history(cell);
    if (is_complete(cell, history)) continue;
    const auto [known_count, none] = known_trials.try_emplace(folder_of(cell));
    const auto done = std::max(static_cast<int>(history.trials.size()), known_count->second);
    Item item{{cell_name(cell)}, 0.0};
    const std::optional<Cell> donor = donor_of(cell);
    const int open = trials_in_all(cell, history.trials) - done;
    if (planned_trials(cell) && open <= 0) {  // all of it is known
      waiting[folder_of(cell)] = item;
      continue;
    }
    item.cost = std::max(open, 1) * costs.of_unknown(cell);
    Cell first = cell;
    while (const std::optional<Cell> before = donor_of(first)) first = *before;
    const auto [place, is_new] = places.try_emplace(folder_of(first), work.cells.size());
    if (is_new) work.cells.emplace_back();
    if (donor) {
      if (const auto found = waiting.find(folder_of(*donor)); found != waiting.end()) {
        add(work.cells[place->second], found->second);
        waiting.erase(found);
      }
    }
    add(work.cells[place->second], item);
  }
  return work;
}

const Item* costliest(std::span<const Item> items) {
  const auto found = std::ranges::max_element(items, {}, &Item::cost);
  return found == items.end() ? nullptr : &*found;
}

double makespan(std::span<const Item> items, int workers) {
  std::priority_queue<double, std::vector<double>, std::greater<>> free;  // when each is
  for (int i = 0; i < workers; ++i) free.push(0.0);
  double last = 0.0;
  for (const Item& item : items) {
    const double done = free.top() + item.cost;
    free.pop();
    free.push(done);
    last = std::max(last, done);
  }
  return last;
}

std::vector<Item> cut(std::span<const Item> items, int count) {
  // With at most `most` to a share, a share is filled until the next item does not fit.
  const auto filled = [&](double most) {
    std::vector<Item> shares;
    for (const Item& item : items) {
      if (shares.empty() || shares.back().cost + item.cost > most) shares.emplace_back();
      add(shares.back(), item);
    }
    return shares;
  };
  double low = 0.0, high = 0.0;
  for (const Item& item : items) {
    low = std::max(low, item.cost);
    high += item.cost;
  }
  const auto fits = [&](double most) {
    return filled(most).size() <= static_cast<std::size_t>(count);
  };
  if (fits(low)) high = low;
  constexpr int kHalvings = 50;
  for (int i = 0; i < kHalvings && high > low; ++i) {
    const double middle = low + (high - low) / 2;
    (fits(middle) ? high : low) = middle;
  }
  std::vector<Item> shares = filled(high);
  // Rounding of sums alone can leave one too many.
  while (shares.size() > static_cast<std::size_t>(std::max(count, 1))) {
    const Item last = std::move(shares.back());
    shares.pop_back();
    add(shares.back(), last);
  }
  return shares;
}

}  // namespace runner::slurm
