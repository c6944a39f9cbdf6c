#include "lab/pricing.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "data/tokenizer.hpp"
#include "experiment/record.hpp"
#include "lab/look.hpp"
#include "lab/task_data.hpp"
#include "model/flops.hpp"
#include "random/philox.hpp"
#include "train/finetune.hpp"

namespace runner::lab {
namespace {

struct Price {
  std::int64_t examples = 0, tokens = 0;
  double flops = 0.0;
};

Price price_of(std::span<const int> lengths, const model::RowFlops& flops) {
  Price price;
  for (const int length : lengths) {
    ++price.examples;
    price.tokens += length;
    price.flops += flops.of(length);
  }
  return price;
}

Price price_of(const std::vector<data::EncodedSplit>& parts, const model::RowFlops& flops) {
  Price price;
  for (const data::EncodedSplit& part : parts) {
    const Price more = price_of(part.lengths(), flops);
    price.examples += more.examples;
    price.tokens += more.tokens;
    price.flops += more.flops;
  }
  return price;
}

// What evaluations on one task's data cost.
struct Evaluations {
  std::vector<double> fusion_flops;  // of the first 0, 1, 2, ... rows of the fusion subset
  Price selection, report;           // report: nothing where the selection split is reported
  Price judged;  // what a result's selection score is measured on: of a soup half of the split
};

class PricedRun : public experiment::TrainedRun {
 public:
  PricedRun(experiment::RunRecord record, std::shared_ptr<const Evaluations> evaluations)
      : record_(std::move(record)), evaluations_(std::move(evaluations)) {}

  const experiment::RunRecord& record() const override { return record_; }

  double fusion_loss(std::span<const double> alpha, int rows, train::Precision) override {
    const auto& flops = evaluations_->fusion_flops;
    const auto used = std::min(static_cast<std::size_t>(rows), flops.size() - 1);
    examples_ += static_cast<std::int64_t>(used);
    flops_ += flops[used];
    double loss = 0.5;  // least where the weights are even
    for (const double weight : alpha) loss += weight * weight;
    return loss;
  }
  // A step of training: the backward pass costs twice the forward.
  Slope fusion_slope(std::span<const double> alpha, int rows, train::Precision precision) override {
    const double before = flops_;
    Slope slope{fusion_loss(alpha, rows, precision), {}};
    flops_ += 2.0 * (flops_ - before);
    for (const double weight : alpha) slope.gradient.push_back(2.0 * weight);
    return slope;
  }
  Selected select(std::span<const double> alpha) override {
    add(evaluations_->selection);
    return {0.5, made_up(alpha)};
  }
  experiment::Evaluation evaluate(std::span<const double> alpha) override {
    add(evaluations_->judged);
    add(evaluations_->report);
    experiment::Evaluation result;
    result.selection.score = result.report.score = made_up(alpha);
    return result;
  }
  experiment::Evaluation evaluate_ema() override { return evaluate({}); }
  std::int64_t evaluation_examples() const override { return examples_; }
  double evaluation_flops() const override { return flops_; }

 private:
  void add(const Price& price) {
    examples_ += price.examples;
    flops_ += price.flops;
  }
  // Spread over the space: a search that it guides comes everywhere.
  double made_up(std::span<const double> alpha) const {
    auto key = static_cast<std::uint64_t>(record_.steps);
    for (const double weight : alpha) {
      key = random::derive(key, "score", static_cast<std::uint64_t>(1e9 * weight));
    }
    return random::Stream(key).uniform();
  }

  experiment::RunRecord record_;
  std::shared_ptr<const Evaluations> evaluations_;
  std::int64_t examples_ = 0;
  double flops_ = 0.0;
};

class Pricing : public experiment::Trainer {
 public:
  explicit Pricing(const spec::Spec& spec)
      : spec_(spec),
        config_(model::read_config(spec.model)),
        tokenizer_(data::Tokenizer::load(spec.model)) {}

  std::unique_ptr<experiment::TrainedRun> train(const experiment::RunRequest& request,
                                                const experiment::Watch&) override {
    const Known& known = read(request);
    experiment::RunRecord record = training(request, *known.data);
    for (const train::Rung& rung : rungs_of(request, *known.data)) {  // never pruned
      record.rungs.push_back({.step = rung.step,
                              .score = experiment::kUnknown,
                              .look_examples = known.evaluations->selection.examples,
                              .look_flops = known.evaluations->selection.flops});
    }
    return std::make_unique<PricedRun>(std::move(record), known.evaluations);
  }

  std::unique_ptr<experiment::TrainedRun> gather(
      const experiment::RunRequest& as, std::span<const experiment::Ingredient> ingredients,
      const experiment::Watch&) override {
    const Known& known = read(as);
    const model::RowFlops flops = forward_flops(known.data->entry->task.classes());
    const auto halves = halved(*known.data, as.split_seed);
    Evaluations evaluations = *known.evaluations;
    evaluations.selection = price_of(halves->selection, flops);
    evaluations.judged = price_of(halves->judged, flops);
    evaluations.report = price_of(halves->report, flops);
    experiment::RunRecord record;
    record.snapshots = static_cast<int>(ingredients.size());
    return std::make_unique<PricedRun>(std::move(record),
                                       std::make_shared<const Evaluations>(std::move(evaluations)));
  }

 private:
  struct Known {
    std::shared_ptr<const TaskData> data;
    std::shared_ptr<const Evaluations> evaluations;
  };

  model::RowFlops forward_flops(int classes) const {
    model::RowFlops flops = model::forward_flops(config_, 0, config_.layers);
    flops += model::head_flops(config_, classes);
    return flops;
  }

  // Every row of an epoch once, and of a last epoch that is cut short the mean of them.
  experiment::RunRecord training(const experiment::RunRequest& request,
                                 const TaskData& data) const {
    const train::Options& options = request.options;
    const int classes = data.entry->task.classes(), rows = data.train.rows();
    const train::Job job{
        .config = config_, .classes = classes, .data = &data.train, .options = options};
    train::check_job(job);
    const bool kept = train::keeps_frozen_output(job);
    model::RowFlops flops =
        model::forward_flops(config_, kept ? options.frozen_layers : 0, config_.layers);
    flops += model::head_flops(config_, classes);
    flops += model::backward_flops(config_, classes, options.frozen_layers);
    const Price epoch = price_of(data.train.lengths(), flops);
    experiment::RunRecord record;
    record.steps = train::total_steps(options, rows);
    const std::int64_t per_epoch = (rows + options.batch_size - 1) / options.batch_size;
    const std::int64_t cut =
        std::min<std::int64_t>(record.steps % per_epoch * options.batch_size, rows);
    record.examples = record.steps / per_epoch * rows + cut;
    const double epochs = static_cast<double>(record.examples) / rows;
    record.tokens = std::llround(epochs * static_cast<double>(epoch.tokens));
    record.flops = epochs * epoch.flops;
    if (kept) {
      record.flops +=
          price_of(data.train.lengths(), model::forward_flops(config_, 0, options.frozen_layers))
              .flops;
    }
    record.train_loss = 0.5;
    record.snapshots = static_cast<int>(train::snapshot_steps(options, record.steps).size());
    return record;
  }

  const Known& read(const experiment::RunRequest& request) {
    const int max_length = request.options.max_length;
    Known& known = known_[{request.task, max_length}];
    if (known.data != nullptr) return known;
    const auto entry = std::ranges::find(spec_.tasks, request.task,
                                         [](const auto& task) { return task.task.name; });
    known.data = read_task(spec_, *entry, tokenizer_, max_length, request.split_seed, nullptr);
    const model::RowFlops flops = forward_flops(entry->task.classes());
    Evaluations evaluations{.fusion_flops = {0.0},
                            .selection = price_of(known.data->selection, flops),
                            .report = price_of(known.data->report, flops),
                            .judged = price_of(known.data->selection, flops)};
    for (const int row : known.data->fusion_rows) {
      evaluations.fusion_flops.push_back(evaluations.fusion_flops.back() +
                                         flops.of(known.data->train.length(row)));
    }
    known.evaluations = std::make_shared<const Evaluations>(std::move(evaluations));
    return known;
  }

  const spec::Spec& spec_;
  model::EncoderConfig config_;
  data::Tokenizer tokenizer_;
  std::map<std::pair<std::string, int>, Known> known_;
};

}  // namespace

std::unique_ptr<experiment::Trainer> make_pricing(const spec::Spec& spec) {
  return std::make_unique<Pricing>(spec);
}

}  // namespace runner::lab
