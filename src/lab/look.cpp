#include "lab/look.hpp"

#include "experiment/pruning.hpp"
#include "lab/stored_run.hpp"
#include "train/evaluate.hpp"

namespace runner::lab {

std::vector<train::Rung> rungs_of(const experiment::RunRequest& request, const TaskData& data) {
  const std::int64_t steps = train::total_steps(request.options, data.train.rows());
  std::vector<train::Rung> rungs;
  for (const experiment::Rung& rung : request.rungs) {
    rungs.push_back({experiment::rung_step(rung, steps), rung.least});
  }
  return rungs;
}

std::optional<train::Seen> look(const TaskData& data, const train::Options& options,
                                const train::Device& device, std::span<const float> weights,
                                const std::function<bool()>& should_stop) try {
  train::Evaluator evaluator(data.start->config(), data.entry->task.classes(), device,
                             options.precision, options.target_scale);
  evaluator.load(weights);
  const Memo::Measured seen =
      score_split(evaluator, data.entry->task, data.selection, false, [&should_stop] {
        if (should_stop && should_stop()) throw experiment::Stopped();
      });
  return train::Seen{seen.scores.score, seen.examples, seen.flops};
} catch (const experiment::Stopped&) {
  return std::nullopt;
}

}  // namespace runner::lab
