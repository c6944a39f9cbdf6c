#include "experiment/tally.hpp"

#include <algorithm>
#include <utility>

namespace runner::experiment {

void Tally::count(const Cell& cell, Share& share, std::span<const TrialRecord> admitted) {
  const auto trials = static_cast<int>(admitted.size());
  const auto failed = static_cast<int>(std::ranges::count_if(admitted, &TrialRecord::has_failed));
  const auto pruned = static_cast<int>(std::ranges::count_if(admitted, &TrialRecord::is_pruned));
  const int expected = expected_trials(cell, admitted);
  work_ += share.price * (expected - share.expected);
  work_done_ += share.price * (trials - share.trials);
  summary.trials += expected - std::exchange(share.expected, expected);
  summary.trials_done += trials - std::exchange(share.trials, trials);
  summary.failed += failed - std::exchange(share.failed, failed);
  summary.pruned += pruned - std::exchange(share.pruned, pruned);
}

void Tally::count_done(Share& share) {
  ++summary.cells_done;
  work_ += share.price * (share.trials - share.expected);
  summary.trials += share.trials - std::exchange(share.expected, share.trials);
}

void Tally::report(Event event) const {
  if (!on_progress_) return;
  event.trials_done = summary.trials_done;
  event.trials = summary.trials;
  event.cells_done = summary.cells_done;
  event.cells = summary.cells;
  event.work_done = work_done_;
  event.work = work_;
  on_progress_(event);
}

}  // namespace runner::experiment
