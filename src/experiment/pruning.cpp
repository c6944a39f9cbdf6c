#include "experiment/pruning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>

#include "bo/pruning.hpp"
#include "spec/methods.hpp"

namespace runner::experiment {

bool looks(const Cell& cell) {
  return !cell.spec->outer.pruning.empty() &&
         (spec::is_search(*cell.method) || cell.method->search == spec::Search::refuse);
}

bool can_be_pruned(const Cell& cell, const TrialRecord& proposed) {
  return !cell.spec->outer.pruning.empty() && spec::is_search(*cell.method) &&
         proposed.proposal.source != "recipe" && proposed.trial >= spec::start_trials(*cell.spec);
}

std::vector<Rung> next_rungs(const Cell& cell, const TrialRecord& proposed,
                             std::span<const TrialRecord> history) {
  const spec::Outer& outer = cell.spec->outer;
  if (outer.pruning.empty()) return {};
  const bo::PruningRule* const rule = bo::find_pruning_rule(outer.pruning);
  if (rule == nullptr) throw std::invalid_argument("unknown pruning rule " + outer.pruning);
  std::vector<Rung> rungs;
  for (const double share : bo::rungs(outer.reduction)) {
    Rung& rung = rungs.emplace_back(Rung{.share = share});
    if (!can_be_pruned(cell, proposed)) continue;
    std::vector<bo::RungValue> earlier;  // minimised
    for (const TrialRecord& trial : history.first(known_outcomes(cell, history.size()))) {
      if (trial.rung_scores.size() < rungs.size()) continue;
      earlier.push_back({-trial.rung_scores[rungs.size() - 1], trial.has_result()});
    }
    rung.least = -rule->limit(earlier, outer.reduction);
  }
  return rungs;
}

std::int64_t rung_step(const Rung& rung, std::int64_t steps) {
  const auto step = static_cast<std::int64_t>(std::ceil(rung.share * static_cast<double>(steps)));
  return std::clamp<std::int64_t>(step, 0, steps - 1);
}

std::optional<RunRecord> pruned(const RunRecord& run, std::span<const Rung> rungs) {
  for (std::size_t k = 0; k < std::min(rungs.size(), run.rungs.size()); ++k) {
    const RungRecord& look = run.rungs[k];
    if (!(look.score < rungs[k].least)) continue;
    RunRecord stopped;
    stopped.status = train::Status::pruned;
    stopped.why =
        fmt::format("after {:.2g} of its steps its selection score is {:.4g}, below {:.4g}",
                    rungs[k].share, look.score, rungs[k].least);
    stopped.steps = look.step;
    stopped.examples = look.examples;
    stopped.tokens = look.tokens;
    stopped.flops = look.flops;
    stopped.train_loss = kUnknown;
    stopped.seconds = look.seconds;
    for (const StepRecord& point : run.curve) {
      if (point.step <= look.step) stopped.curve.push_back(point);
    }
    stopped.rungs.assign(run.rungs.begin(), run.rungs.begin() + static_cast<std::ptrdiff_t>(k) + 1);
    return stopped;
  }
  return std::nullopt;
}

}  // namespace runner::experiment
