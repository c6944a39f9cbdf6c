#include "lab/stored_run.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

#include "io/error.hpp"

namespace runner::lab {

Memo::Measured score_split(train::Evaluator& evaluator, const data::Task& task,
                           const std::vector<data::EncodedSplit>& parts, bool keeps_predictions,
                           const std::function<void()>& before_batch) {
  Memo::Measured mean;
  for (const data::EncodedSplit& part : parts) {
    const train::Scored scored = evaluator.score(part, {}, before_batch);
    const data::Scores scores = data::score(task, scored.logits, part.labels);
    if (keeps_predictions) mean.predicted.push_back(data::predict(task, scored.logits));
    mean.loss += scored.mean_loss * part.rows();
    mean.examples += part.rows();
    mean.flops += scored.flops;
    if (mean.scores.values.empty()) {
      mean.scores = scores;
      continue;
    }
    for (std::size_t i = 0; i < scores.values.size(); ++i) {
      mean.scores.values[i].second += scores.values[i].second;
    }
    mean.scores.score += scores.score;
    mean.scores.degenerate = mean.scores.degenerate || scores.degenerate;
  }
  const auto count = static_cast<double>(parts.size());
  for (auto& [name, value] : mean.scores.values) value /= count;
  mean.scores.score /= count;
  mean.loss /= static_cast<double>(mean.examples);
  return mean;
}

StoredRun::StoredRun(std::string key, std::shared_ptr<const TaskData> task,
                     experiment::RunRecord record,
                     std::shared_ptr<const fusion::Trajectory> trajectory,
                     std::shared_ptr<const fusion::Trajectory> ema, std::shared_ptr<Memo> memo,
                     train::Device device, const train::Options& options, int threads,
                     std::function<bool()> should_stop)
    : key_(std::move(key)),
      task_(std::move(task)),
      record_(std::move(record)),
      trajectory_(std::move(trajectory)),
      ema_(std::move(ema)),
      memo_(std::move(memo)),
      device_(device),
      precision_(options.precision),
      target_scale_(options.target_scale),
      threads_(threads),
      should_stop_(std::move(should_stop)) {}

train::Evaluator& StoredRun::evaluator(train::Precision precision) {
  auto& made = evaluators_[static_cast<std::size_t>(precision)];
  if (!made) {
    made.emplace(task_->start->config(), task_->entry->task.classes(), device_, precision,
                 target_scale_);
  }
  return *made;
}

double StoredRun::fusion_loss(std::span<const double> alpha, int rows, train::Precision precision) {
  const auto all = static_cast<int>(task_->fusion_rows.size());
  return measure(Memo::What::fusion_loss, alpha, std::min(rows, all), precision).loss;
}

experiment::TrainedRun::Slope StoredRun::fusion_slope(std::span<const double> alpha, int rows,
                                                      train::Precision precision) {
  const auto all = static_cast<int>(task_->fusion_rows.size());
  Memo::Measured measured =
      measure(Memo::What::fusion_slope, alpha, std::min(rows, all), precision);
  return {measured.loss, std::move(measured.gradient)};
}

experiment::TrainedRun::Selected StoredRun::select(std::span<const double> alpha) {
  const Memo::Measured measured = measure(Memo::What::selection, alpha, 0, precision_);
  return {measured.loss, measured.scores.score};
}

experiment::Evaluation StoredRun::evaluate(std::span<const double> alpha) {
  const Memo::Measured selection = measure(judged(), alpha, 0, precision_);
  const Memo::Measured report =
      task_->report.empty() ? selection : measure(Memo::What::report, alpha, 0, precision_);
  return evaluation(selection, report);
}

experiment::Evaluation StoredRun::evaluate_ema() {
  if (ema_ == nullptr) throw InputError("rule 'ema' needs recipe.ema_decay above 0");
  const double whole = 1.0;
  form(*ema_, {&whole, 1}, evaluator(precision_));
  const Memo::Measured selection = score(judged());
  const Memo::Measured report = task_->report.empty() ? selection : score(Memo::What::report);
  examples_ += selection.examples + (task_->report.empty() ? 0 : report.examples);
  flops_ += selection.flops + (task_->report.empty() ? 0.0 : report.flops);
  return evaluation(selection, report);
}

FusedModel StoredRun::fused_model(std::span<const double> alpha) const {
  const double whole = 1.0;
  const auto& trajectory = alpha.empty() ? ema_ : trajectory_;
  if (trajectory == nullptr) throw InputError("the training run has left no such weights");
  return {task_->start->config(),
          trajectory->mix(alpha.empty() ? std::span(&whole, 1) : alpha, threads_)};
}

const std::vector<data::EncodedSplit>& StoredRun::reported() const {
  return task_->report.empty() ? task_->selection : task_->report;
}

experiment::Evaluation StoredRun::evaluation(const Memo::Measured& selection,
                                             const Memo::Measured& report) const {
  experiment::Evaluation result{selection.scores, report.scores, selection.loss, report.loss, {}};
  for (std::size_t i = 0; i < report.predicted.size(); ++i) {
    result.predictions.push_back({reported()[i].labels, report.predicted[i]});
  }
  return result;
}

Memo::Measured StoredRun::measure(Memo::What what, std::span<const double> alpha, int rows,
                                  train::Precision precision) {
  const Memo::Key key(what, std::vector<double>(alpha.begin(), alpha.end()), rows, precision);
  std::optional<Memo::Measured> measured;
  {
    const std::lock_guard lock(memo_->mutex);
    const auto found = memo_->known.find(key);
    if (found != memo_->known.end()) measured = found->second;
  }
  if (measured) {
    remembered_ += measured->seconds;
  } else {
    const auto start = std::chrono::steady_clock::now();
    if (what == Memo::What::fusion_slope) {
      measured = measure_slope(alpha, rows, precision);
    } else {
      form(*trajectory_, alpha, evaluator(precision));
      measured = what == Memo::What::fusion_loss ? score_fusion_rows(rows, precision) : score(what);
    }
    measured->seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const std::lock_guard lock(memo_->mutex);
    memo_->known.emplace(key, *measured);
  }
  examples_ += measured->examples;
  flops_ += measured->flops;
  return *measured;
}

void StoredRun::form(const fusion::Trajectory& trajectory, std::span<const double> alpha,
                     train::Evaluator& evaluator) {
  weights_.resize(static_cast<std::size_t>(trajectory.parameters()));
  trajectory.mix(alpha, weights_, threads_);
  evaluator.load(weights_);
}

void StoredRun::throw_if_stopped() const {
  if (should_stop_ && should_stop_()) throw experiment::Stopped();
}

Memo::Measured StoredRun::score_fusion_rows(int rows, train::Precision precision) {
  const auto subset = std::span(task_->fusion_rows).first(static_cast<std::size_t>(rows));
  const train::Scored scored =
      evaluator(precision).score(task_->train, subset, [this] { throw_if_stopped(); });
  return {{}, scored.mean_loss, {}, {}, rows, scored.flops};
}

Memo::Measured StoredRun::measure_slope(std::span<const double> alpha, int rows,
                                        train::Precision precision) {
  auto& slope = slopes_[static_cast<std::size_t>(precision)];
  if (!slope) {
    slope.emplace(task_->start->config(), task_->entry->task.classes(), device_, precision,
                  target_scale_);
  }
  weights_.resize(static_cast<std::size_t>(trajectory_->parameters()));
  trajectory_->mix(alpha, weights_, threads_);
  const auto subset = std::span(task_->fusion_rows).first(static_cast<std::size_t>(rows));
  const train::LossGradient::Result result =
      slope->at(weights_, task_->train, subset, [this] { throw_if_stopped(); });
  return {{},   result.mean_loss, trajectory_->project(result.gradient, threads_), {},
          rows, result.flops};
}

Memo::Measured StoredRun::score(Memo::What what) {
  const auto& parts = what == Memo::What::selection ? task_->selection
                      : what == Memo::What::judged  ? task_->judged
                                                    : task_->report;
  return score_split(evaluator(precision_), task_->entry->task, parts, &parts == &reported(),
                     [this] { throw_if_stopped(); });
}

}  // namespace runner::lab
