#include "experiment/bilevel.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "experiment/pruning.hpp"
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
        remembered_(run.remembered_seconds()),
        start_(Clock::now()) {}
  ~Meter() {
    budget_.examples += run_.evaluation_examples() - examples_;
    budget_.flops += run_.evaluation_flops() - flops_;
    seconds_ += std::chrono::duration<double>(Clock::now() - start_).count() +
                run_.remembered_seconds() - remembered_;
  }
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  const TrainedRun& run_;
  Budget& budget_;
  double& seconds_;
  std::int64_t examples_;
  double flops_, remembered_;
  Clock::time_point start_;
};

// Enough for a plot; a journal must not grow with the length of a run.
constexpr std::size_t kCurvePoints = 500;

void throw_if_stopped(const TrialSinks& sinks) {
  if (sinks.watch.should_stop && sinks.watch.should_stop()) throw Stopped();
}

fusion::Measured measured_of(const InnerRecord& record) {
  return {.alpha = record.alpha,
          .loss = record.loss,
          .gradient = record.gradient,
          .selection_loss = record.selection_loss,
          .selection_score = record.selection_score,
          .warm_start = record.proposal.warm_start,
          .nominees = record.proposal.nominees};
}

void diverge(TrialRecord& record, std::string why) {
  record.status = train::Status::diverged;
  record.why = std::move(why);
  record.objective = kUnknown;
  record.evaluation = {};
}

// What the run says of a step's weights.
InnerRecord ask(const fusion::Step& step, const fusion::Options& options, TrainedRun& run) {
  const int rows = options.rows;
  const auto precision = options.precision == fusion::Precision::bf16 ? train::Precision::bf16
                                                                      : train::Precision::fp32;
  InnerRecord record;
  record.alpha = step.alpha;
  record.proposal = make_proposal(step.why);
  Budget spent;
  {
    const Meter meter(run, spent, record.seconds);
    if (step.gradient) {
      TrainedRun::Slope slope = run.fusion_slope(step.alpha, rows, precision);
      record.loss = slope.loss;
      record.gradient = std::move(slope.gradient);
    } else if (step.loss) {
      record.loss = run.fusion_loss(step.alpha, rows, precision);
    }
    if (step.selection) {
      const TrainedRun::Selected selected = run.select(step.alpha);
      record.selection_loss = selected.loss;
      record.selection_score = selected.score;
    }
  }
  if (step.gradient || step.loss) record.rows = rows;
  record.examples = spent.examples;
  record.flops = spent.flops;
  return record;
}

// Whether the last of some mixes is the best of them.
bool is_best(std::span<const fusion::Measured> measured, fusion::Objective objective) {
  const double last = value_of(measured.back(), objective);
  return std::isfinite(last) &&
         std::ranges::none_of(measured.first(measured.size() - 1), [&](const auto& earlier) {
           return value_of(earlier, objective) <= last;
         });
}

// Follows the trial's fusion rule from where `inner` stands to the fused model, and measures that.
void fuse_and_measure(const fusion::Options& options, TrainedRun& run,
                      std::vector<InnerRecord>& inner, const TrialSinks& sinks,
                      TrialRecord& record) {
  const fusion::Rule* const rule = fusion::find_rule(options.rule);
  if (rule == nullptr) throw InputError("unknown fusion rule '" + options.rule + "'");
  std::vector<fusion::Measured> measured;
  for (const InnerRecord& point : inner) measured.push_back(measured_of(point));
  const std::uint64_t seed = random::derive(record.run_seed, "inner");
  fusion::Step step;
  try {
    for (;;) {
      step = rule->next({run.record().snapshots, options, measured, seed});
      throw_if_stopped(sinks);
      if (step.kind != fusion::Step::Kind::measure) break;
      InnerRecord& point = inner.emplace_back(ask(step, options, run));
      point.trial = record.trial;
      measured.push_back(measured_of(point));
      point.incumbent = is_best(measured, step.objective);
      if (sinks.on_inner) sinks.on_inner(point);
    }
  } catch (const fusion::NothingFinite& nothing) {
    diverge(record, nothing.what());
  }
  for (const InnerRecord& point : inner) {
    record.budget.examples += point.examples;
    record.budget.flops += point.flops;
    record.budget.fusion_seconds += point.seconds;
    if (point.alpha == step.alpha && std::isfinite(point.loss)) record.fusion_loss = point.loss;
  }
  record.inner_evaluations = static_cast<int>(inner.size());
  if (!record.has_result()) return;
  record.alpha = std::move(step.alpha);
  const Meter meter(run, record.budget, record.budget.evaluate_seconds);
  const bool average = step.kind == fusion::Step::Kind::average;
  record.evaluation = average ? run.evaluate_ema() : run.evaluate(record.alpha);
  record.objective = -record.evaluation.selection.score;
}

}  // namespace

std::optional<TrialRecord> run_trial(const Cell& cell, TrialRecord record,
                                     std::vector<InnerRecord> inner, Trainer& trainer,
                                     const TrialSinks& sinks,
                                     std::span<const TrialRecord> donated) try {
  const bool is_soup = cell.method->search == spec::Search::soup;
  const RunRequest request = request_of(cell, record);
  const std::unique_ptr<TrainedRun> run =
      is_soup ? trainer.gather(request, ingredients_of(cell, donated), sinks.watch)
              : trainer.train(request, sinks.watch);
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
  for (const RungRecord& look : trained.rungs) {
    record.rung_scores.push_back(look.score);
    if (!looks(cell)) continue;
    record.budget.examples += look.look_examples;
    record.budget.flops += look.look_flops;
    record.budget.evaluate_seconds += look.look_seconds;
  }
  if (is_soup) record.budget = sum_of(donated);
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
