#include <algorithm>
#include <filesystem>
#include <utility>

#include "experiment/ahead.hpp"
#include "experiment/lease.hpp"
#include "experiment/run_folder.hpp"
#include "io/error.hpp"

namespace runner::experiment {
namespace {

std::optional<TrialRecord> make_beside(const KnownTrial& known, Trainer& trainer,
                                       const TrialSinks& sinks) {
  const std::filesystem::path folder = ahead_folder(known.cell, known.proposed);
  refuse_links(run_folder(*known.cell.spec), folder);
  std::string holder;
  std::optional<Lease> lease = Lease::take(folder / "owner.json", holder);
  if (!lease) throw Busy{holder};
  const auto place = static_cast<std::size_t>(known.proposed.trial);
  const History taken = read_history(known.cell);  // by the cell itself, meanwhile
  if (place < taken.trials.size()) {
    lease.reset();
    std::error_code ignored;
    std::filesystem::remove(folder, ignored);
    return taken.trials[place];
  }
  Journal journal(folder / "journal.jsonl", owner_of(known.cell));
  const History before = read_ahead(known.cell, known.proposed);
  if (!before.trials.empty()) return before.trials.front();
  TrialSinks its = sinks;
  its.watch.should_stop = [&] {
    lease->beat();
    return sinks.watch.should_stop && sinks.watch.should_stop();
  };
  its.on_inner = [&](const InnerRecord& inner) {
    InnerRecord alone = inner;
    alone.trial = 0;
    journal.append(std::move(alone));
    if (sinks.on_inner) sinks.on_inner(inner);
  };
  auto record = run_trial(known.cell, known.proposed, before.inner, trainer, its);
  if (!record) return std::nullopt;
  TrialRecord alone = *record;
  alone.trial = 0;
  journal.append(std::move(alone));
  return record;
}

}  // namespace

std::optional<TrialRecord> make_ahead(const KnownTrial& known, Trainer& trainer,
                                      const TrialSinks& sinks) {
  try {
    return make_beside(known, trainer, sinks);
  } catch (const InputError&) {
    // Its cell may have come to it meanwhile, and removed what lay ahead.
    History taken = read_history(known.cell);
    const auto place = static_cast<std::size_t>(known.proposed.trial);
    if (place >= taken.trials.size()) throw;
    return std::move(taken.trials[place]);
  }
}

bool make_one_ahead(const Cell& cell, Foreseen& foreseen, Trainer& trainer,
                    const std::function<TrialSinks(int trial)>& sinks) {
  std::vector<TrialRecord> next;
  {
    const std::lock_guard guard(foreseen.mutex);
    std::vector<TrialRecord> history = read_history(cell).trials;
    std::erase_if(foreseen.trials, [made = static_cast<int>(history.size())](const auto& trial) {
      return trial.trial < made;
    });
    foreseen.trials = foreseen_trials(cell, std::move(history), {}, foreseen.trials);
    next = foreseen.trials;
  }
  next.resize(std::min(next.size(), static_cast<std::size_t>(cell.spec->outer.parallel)));
  for (TrialRecord& proposed : next) {
    const int trial = proposed.trial;
    const KnownTrial known{cell, std::move(proposed)};
    if (is_made_ahead(known)) continue;
    try {
      return make_ahead(known, trainer, sinks(trial)).has_value();
    } catch (const Busy&) {
      // The next, then.
    }
  }
  return false;
}

}  // namespace runner::experiment
