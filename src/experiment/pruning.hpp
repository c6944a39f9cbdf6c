#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "experiment/outer.hpp"

namespace runner::experiment {

// outer.pruning: training runs that end on a rung (bo/pruning.hpp) because of what the cell's
// earlier trials had there. Which scores a run must reach is part of its request, so that the run
// stays a pure function of that. A run that comes to its end is the same with rungs and without.

// Are the cell's runs looked at on rungs, and it charged for that? All searches' are, the runs that
// are never pruned too, for what comes later is compared with them.
bool looks(const Cell& cell);

// Do the outcomes of earlier trials decide whether its run ends early? Not that of the recipe and
// of the rest of the start design, nor what is no search's, and none without outer.pruning.
bool can_be_pruned(const Cell& cell, const TrialRecord& proposed);

// Where a proposed trial's run is looked at, and what it must reach there, if it can be pruned:
// nothing without outer.pruning.
std::vector<Rung> next_rungs(const Cell& cell, const TrialRecord& proposed,
                             std::span<const TrialRecord> history);

// The step after which a run of `steps` is looked at, in [0, steps).
std::int64_t rung_step(const Rung& rung, std::int64_t steps);

// The run as it is where it ends on the first of its rungs whose score is below what is asked: of
// status pruned, as long and as dear as it was there, without snapshots; nothing when it ends on
// none that it has been looked at on. The same whether the run went on from there or not.
std::optional<RunRecord> pruned(const RunRecord& run, std::span<const Rung> rungs);

}  // namespace runner::experiment
