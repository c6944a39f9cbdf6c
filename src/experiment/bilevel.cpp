#include "experiment/bilevel.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "fusion/rules.hpp"
#include "io/error.hpp"
#include "random/philox.hpp"

namespace runner::experiment {
namespace {

// What the calls made during its life cost: examples and FLOPs as the run counts them, and time.
class Meter {
 public:
  Meter(const TrainedRun& run, Budget& budget, double& seconds)
      : run_(run),
        budget_(budget),
        seconds_(seconds),
        examples_(run.evaluation_examples()),
        flops_(run.evaluation_flops()),
        start_(Clock::now()) {}
  ~Meter() {
    budget_.examples += run_.evaluation_examples() - examples_;
    budget_.flops += run_.evaluation_flops() - flops_;
    seconds_ += std::chrono::duration<double>(Clock::now() - start_).count();
  }
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  const TrainedRun& run_;
  Budget& budget_;
  double& seconds_;
  std::int64_t examples_;
  double flops_;
  Clock::time_point start_;
};

// Enough for a plot; a journal must not grow with the length of a run.
constexpr std::size_t kCurvePoints = 500;

void throw_if_stopped(const TrialSinks& sinks) {
  if (sinks.should_stop && sinks.should_stop()) throw Stopped();
}

Evaluation measure(TrainedRun& run, std::span<const double> alpha, TrialRecord& record) {
  const Meter meter(run, record.budget, record.budget.evaluate_seconds);
  return run.evaluate(alpha);
}

void diverge(TrialRecord& record, std::string why) {
  record.status = "diverged";
  record.why = std::move(why);
  record.objective = kUnknown;
  record.evaluation = {};
}

// The inner loop of one trial, from where `inner` stands.
void search_alpha(const fusion::Options& options, TrainedRun& run, std::vector<InnerRecord>& inner,
                  const TrialSinks& sinks, TrialRecord& record) {
  const std::uint64_t seed = random::derive(record.run_seed, "inner");
  while (auto next = propose_alpha(run.record().snapshots, options, inner, seed)) {
    throw_if_stopped(sinks);
    next->trial = record.trial;
    Budget spent;
    {
      const Meter meter(run, spent, next->seconds);
      next->loss = run.fusion_loss(next->alpha, options.rows);
    }
    next->examples = spent.examples;
    next->flops = spent.flops;
    inner.push_back(*std::move(next));
    inner.back().incumbent = best_alpha(inner) == static_cast<int>(inner.size()) - 1;
    if (sinks.on_inner) sinks.on_inner(inner.back());
  }
  for (const InnerRecord& point : inner) {
    record.budget.examples += point.examples;
    record.budget.flops += point.flops;
    record.budget.fusion_seconds += point.seconds;
  }
  record.inner_evaluations = static_cast<int>(inner.size());
  const int best = best_alpha(inner);
  if (best < 0) {
    diverge(record, "no fusion of the snapshots has a finite loss");
    return;
  }
  record.alpha = inner[static_cast<std::size_t>(best)].alpha;
  record.fusion_loss = inner[static_cast<std::size_t>(best)].loss;
}

// Fills in the rest of a trial whose run has snapshots.
void fuse_and_measure(const fusion::Options& options, TrainedRun& run,
                      std::vector<InnerRecord>& inner, const TrialSinks& sinks,
                      TrialRecord& record) {
  const fusion::Rule* rule = fusion::find_rule(options.rule);
  if (rule == nullptr) throw InputError("unknown fusion rule '" + options.rule + "'");
  const int snapshots = run.record().snapshots;
  switch (rule->needs) {
    case fusion::Needs::average: {
      const Meter meter(run, record.budget, record.budget.evaluate_seconds);
      record.evaluation = run.evaluate_ema();
      break;
    }
    case fusion::Needs::search:
      search_alpha(options, run, inner, sinks, record);
      if (!record.has_result()) return;
      throw_if_stopped(sinks);
      record.evaluation = measure(run, record.alpha, record);
      break;
    case fusion::Needs::scores: {
      std::vector<double> objectives;
      for (int k = 0; k < snapshots; ++k) {
        throw_if_stopped(sinks);
        std::vector<double> vertex(static_cast<std::size_t>(snapshots), 0.0);
        vertex[static_cast<std::size_t>(k)] = 1.0;
        const Meter meter(run, record.budget, record.budget.evaluate_seconds);
        objectives.push_back(-run.selection_score(vertex));
      }
      record.alpha = rule->weights(snapshots, options, objectives);
      record.evaluation = measure(run, record.alpha, record);
      break;
    }
    case fusion::Needs::nothing:
      record.alpha = rule->weights(snapshots, options, {});
      record.evaluation = measure(run, record.alpha, record);
      break;
  }
  record.objective = -record.evaluation.selection.score;
}

}  // namespace

std::optional<InnerRecord> propose_alpha(int snapshots, const fusion::Options& options,
                                         std::span<const InnerRecord> history, std::uint64_t seed) {
  if (static_cast<int>(history.size()) >= options.evaluations) return std::nullopt;
  if (snapshots == 1 && !history.empty()) return std::nullopt;  // a simplex of one point
  bo::Space simplex;
  bo::Variable& weights = simplex.variables.emplace_back();
  weights.name = "alpha";
  weights.type = bo::Type::simplex;
  weights.size = snapshots;
  bo::Options search;
  search.acquisition = options.acquisition;
  search.beta = options.beta;
  search.noise = bo::Noise::deterministic;
  search.starts = fusion::inner_starts(snapshots);
  // The starts are a design already: the model takes over right after them.
  search.initial = static_cast<int>(search.starts.size());
  search.stop_expected_improvement = options.stop_expected_improvement;
  std::vector<bo::Observation> observations;
  for (const InnerRecord& point : history) {
    observations.push_back(
        {.x = point.alpha,
         .y = point.loss,
         .status = std::isfinite(point.loss) ? bo::Status::ok : bo::Status::failed,
         .warm_start = point.proposal.warm_start,
         .nominees = point.proposal.nominees});
  }
  bo::Suggestion next = bo::suggest(simplex, observations, search, seed);
  if (next.exhausted) return std::nullopt;
  InnerRecord record;
  record.alpha = std::move(next.x);
  record.rows = options.rows;
  record.proposal = make_proposal(next);
  return record;
}

int best_alpha(std::span<const InnerRecord> history) {
  int best = -1;
  for (std::size_t i = 0; i < history.size(); ++i) {
    if (!std::isfinite(history[i].loss)) continue;
    if (best < 0 || history[i].loss < history[static_cast<std::size_t>(best)].loss) {
      best = static_cast<int>(i);
    }
  }
  return best;
}

RunRequest request_of(const Cell& cell, const TrialRecord& proposed) {
  return {.task = proposed.task,
          .seed = proposed.run_seed,
          .split_seed = proposed.seed,
          .options = settings(cell, proposed).train};
}

std::optional<TrialRecord> run_trial(const Cell& cell, TrialRecord record,
                                     std::vector<InnerRecord> inner, Trainer& trainer,
                                     const TrialSinks& sinks) try {
  const std::unique_ptr<TrainedRun> run =
      trainer.train(request_of(cell, record), sinks.should_stop);
  const RunRecord& trained = run->record();
  record.run = run->key();
  record.status = trained.status;
  record.why = trained.why;
  record.train_loss = trained.train_loss;
  record.snapshots = trained.snapshots;
  record.curve = thin(trained.curve, kCurvePoints);
  record.budget = {.examples = trained.examples,
                   .tokens = trained.tokens,
                   .flops = trained.flops,
                   .train_seconds = trained.seconds};
  if (!record.has_result()) return record;
  if (trained.snapshots < 1) throw std::logic_error("the run left no snapshot");
  fuse_and_measure(settings(cell, record).fusion, *run, inner, sinks, record);
  if (record.has_result() &&
      (!std::isfinite(record.objective) || !std::isfinite(record.evaluation.report.score))) {
    diverge(record, "a logit of the fused model is not finite");
  }
  return record;
} catch (const Stopped&) {
  return std::nullopt;
}

}  // namespace runner::experiment
