#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "data/metrics.hpp"
#include "experiment/trainer.hpp"
#include "fusion/trajectory.hpp"
#include "lab/engine.hpp"
#include "lab/task_data.hpp"
#include "train/evaluate.hpp"
#include "train/loss_gradient.hpp"

namespace runner::lab {

// What a run has been asked for already: two acquisitions of the inner loop start from the same
// points on the same run, and several methods look at the same snapshots. What it cost is charged
// each time.
struct Memo {
  struct Measured {
    data::Scores scores;  // empty for a training loss
    double loss = 0.0;
    std::vector<double> gradient;               // [K] of a slope
    std::vector<std::vector<float>> predicted;  // part by part, of the split that is reported
    std::int64_t examples = 0;
    double flops = 0.0;
    double seconds = 0.0;
  };
  enum class What { fusion_loss, fusion_slope, selection, judged, report };
  // Weights; rows of the fusion subset; the products' precision.
  using Key = std::tuple<What, std::vector<double>, int, train::Precision>;
  std::mutex mutex;
  std::map<Key, Measured> known;
};

// The evaluator's weights on a split, part by part: GLUE's score of a task with two development
// sets (MNLI) is the mean of theirs. `before_batch` as train::Evaluator::score has it.
Memo::Measured score_split(train::Evaluator& evaluator, const data::Task& task,
                           const std::vector<data::EncodedSplit>& parts, bool keeps_predictions,
                           const std::function<void()>& before_batch);

// A finished run whose snapshots can be mixed and measured.
class StoredRun : public experiment::TrainedRun {
 public:
  // `trajectory` is null for a run without snapshots, `ema` for one without an average;
  // `should_stop`, which may be empty, is asked before every batch of an evaluation.
  StoredRun(std::string key, std::shared_ptr<const TaskData> task, experiment::RunRecord record,
            std::shared_ptr<const fusion::Trajectory> trajectory,
            std::shared_ptr<const fusion::Trajectory> ema, std::shared_ptr<Memo> memo,
            train::Device device, const train::Options& options, int threads,
            std::function<bool()> should_stop);

  const experiment::RunRecord& record() const override { return record_; }
  std::string key() const override { return key_; }
  double fusion_loss(std::span<const double> alpha, int rows, train::Precision precision) override;
  Slope fusion_slope(std::span<const double> alpha, int rows, train::Precision precision) override;
  Selected select(std::span<const double> alpha) override;
  experiment::Evaluation evaluate(std::span<const double> alpha) override;
  experiment::Evaluation evaluate_ema() override;
  // sum_k alpha[k] theta_k, or the moving average without alpha.
  FusedModel fused_model(std::span<const double> alpha) const;
  std::int64_t evaluation_examples() const override { return examples_; }
  double evaluation_flops() const override { return flops_; }
  double remembered_seconds() const override { return remembered_; }

 private:
  Memo::Measured measure(Memo::What what, std::span<const double> alpha, int rows,
                         train::Precision precision);
  train::Evaluator& evaluator(train::Precision precision);
  // Forms the weights that `evaluator` then scores.
  void form(const fusion::Trajectory& trajectory, std::span<const double> alpha,
            train::Evaluator& evaluator);
  void throw_if_stopped() const;
  Memo::Measured score_fusion_rows(int rows, train::Precision precision);
  Memo::Measured measure_slope(std::span<const double> alpha, int rows, train::Precision precision);
  Memo::Measured score(Memo::What what);
  // What a result's selection score is measured on: of a soup half of the split.
  Memo::What judged() const {
    return task_->judged.empty() ? Memo::What::selection : Memo::What::judged;
  }
  // The split that is reported: the selection split where there is no other.
  const std::vector<data::EncodedSplit>& reported() const;
  experiment::Evaluation evaluation(const Memo::Measured& selection,
                                    const Memo::Measured& report) const;

  std::string key_;
  std::shared_ptr<const TaskData> task_;
  experiment::RunRecord record_;
  std::shared_ptr<const fusion::Trajectory> trajectory_, ema_;
  std::shared_ptr<Memo> memo_;
  train::Device device_;
  train::Precision precision_;  // of the splits' scores: the run's own, as the Trainer evaluates
  double target_scale_;
  int threads_;
  std::function<bool()> should_stop_;
  // By precision, made when first asked for.
  std::array<std::optional<train::Evaluator>, 2> evaluators_;
  std::array<std::optional<train::LossGradient>, 2> slopes_;
  std::vector<float> weights_;  // theta(alpha)
  std::int64_t examples_ = 0;
  double flops_ = 0.0, remembered_ = 0.0;
};

}  // namespace runner::lab
