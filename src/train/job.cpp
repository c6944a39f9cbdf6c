#include "train/job.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>

#include "io/error.hpp"
#include "model/checkpoint.hpp"
#include "train/at_device.hpp"

namespace runner::train {

Result out_of_memory(std::string_view what) {
  Result result;
  result.status = Status::out_of_memory;
  result.why = what;
  return result;
}

std::int64_t total_steps(const Options& options, int rows) {
  if (options.max_steps > 0) return options.max_steps;
  const std::int64_t per_epoch = (rows + options.batch_size - 1) / options.batch_size;
  return static_cast<std::int64_t>(std::ceil(options.epochs * static_cast<double>(per_epoch)));
}

std::vector<std::int64_t> snapshot_steps(const Options& options, std::int64_t steps) {
  const auto start =
      static_cast<std::int64_t>(std::floor(options.snapshot_start * static_cast<double>(steps)));
  const std::int64_t room = steps - start, count = options.snapshots;
  if (count < 1 || room < count)
    throw InputError(fmt::format(
        "snapshots: {} do not fit into the {} steps after snapshot_start {} of {} steps", count,
        room, options.snapshot_start, steps));
  std::vector<std::int64_t> at;
  for (std::int64_t k = 1; k <= count; ++k) at.push_back(start + room * k / count);
  return at;
}

model::NetworkOptions network_options(const Job& job) {
  const bool bf16 = job.options.precision == Precision::bf16;
  model::NetworkOptions options;
  options.device = at_device(job.device);
  options.bf16 = bf16;
  options.gradients = true;
  options.reference_ops = job.reference_ops;
  options.bf16_gradients =
      bf16 && job.options.accumulation == 1 && job.device.is_cpu() && !job.reference_ops;
  return options;
}

model::TrainPass train_pass(const Job& job) {
  const auto rate = [](double option, double config) { return option < 0.0 ? config : option; };
  return {.dropout = rate(job.options.dropout, job.config.dropout),
          .attention_dropout = rate(job.options.attention_dropout, job.config.attention_dropout),
          .head_dropout = rate(job.options.head_dropout, job.config.head_dropout),
          .frozen_layers = job.options.frozen_layers,
          .frozen_dropout = job.options.frozen_dropout};
}

void check_job(const Job& job) {
  const Options& options = job.options;
  const int rows = job.data->rows();
  if (options.batch_size < 1 || options.batch_size > rows)
    throw InputError(
        fmt::format("batch_size {}: the training data have {} rows, so 1 to {} is "
                    "needed",
                    options.batch_size, rows, rows));
  if (options.accumulation < 1 || options.accumulation > options.batch_size)
    throw InputError(fmt::format("accumulation {}: 1 to batch_size ({}) is needed",
                                 options.accumulation, options.batch_size));
  if (options.frozen_layers < 0 || options.frozen_layers > job.config.layers)
    throw InputError(fmt::format("frozen_layers {}: the model has {} layers", options.frozen_layers,
                                 job.config.layers));
  for (int row = 0; row < rows; ++row) {
    if (job.data->length(row) > job.config.max_length() || job.data->length(row) < 1)
      throw InputError(fmt::format("training row {} has {} tokens: 1 to {} are needed", row,
                                   job.data->length(row), job.config.max_length()));
    const float label = job.data->labels[static_cast<std::size_t>(row)];
    if (!std::isfinite(label) ||
        (job.classes > 1 && !(label >= 0.0F && label < static_cast<float>(job.classes))))
      throw InputError(fmt::format(
          "training row {} has the label {}: {} is needed", row, label,
          job.classes > 1 ? fmt::format("a class from 0 to {}", job.classes - 1) : "a number"));
  }
  for (const std::int32_t id : job.data->ids)
    if (id < 0 || id >= job.config.vocab_size)
      throw InputError(fmt::format("token id {} is outside the model's vocabulary of {}", id,
                                   job.config.vocab_size));
}

std::vector<float> first_weights(const Job& job, const model::Layout& layout) {
  if (static_cast<std::int64_t>(job.weights.size()) != layout.size)
    throw std::invalid_argument("finetune: weights do not have the layout's size");
  std::vector<float> weights(job.weights.begin(), job.weights.end());
  if (job.fresh_head)
    model::init_head(job.config, layout, weights,
                     job.options.head_init == HeadInit::uniform ? model::HeadInit::uniform
                                                                : model::HeadInit::normal,
                     job.seed, job.fresh_pooler);
  return weights;
}

model::PackedBatch packed(const Job& job, std::span<const int> rows) {
  model::PackedBatch batch;
  for (const int row : rows) {
    batch.add_row(job.config, job.data->row_ids(row), job.data->row_types(row));
    batch.labels.push_back(job.data->labels[static_cast<std::size_t>(row)]);
  }
  return batch;
}

std::vector<std::int32_t> words_of(const Job& job, std::span<const int> rows) {
  std::vector<std::int32_t> words;
  for (const int row : rows) {
    const auto ids = job.data->row_ids(row);
    words.insert(words.end(), ids.begin(), ids.end());
  }
  std::ranges::sort(words);
  words.erase(std::ranges::unique(words).begin(), words.end());
  return words;
}

bool stands_on_rung(const Job& job, std::int64_t step, const Result& result) {
  const std::size_t next = result.rungs.size();
  return next < job.rungs.size() && job.rungs[next].step == step;
}

Status look_at(const Job& job, std::int64_t step, std::span<const float> weights, double seconds,
               Result& result) {
  const auto start = std::chrono::steady_clock::now();
  const std::optional<Seen> seen = job.look(weights);
  if (!seen) return Status::interrupted;
  const auto spent = std::chrono::steady_clock::now() - start;
  const double least = job.rungs[result.rungs.size()].least;
  result.rungs.push_back({.step = step,
                          .score = seen->score,
                          .examples = result.examples,
                          .tokens = result.tokens,
                          .flops = result.flops,
                          .seconds = seconds,
                          .look_examples = seen->examples,
                          .look_flops = seen->flops,
                          .look_seconds = std::chrono::duration<double>(spent).count()});
  return seen->score < least ? Status::pruned : Status::ok;
}

double looking_seconds(const Result& result) {
  double seconds = 0.0;
  for (const RungRecord& rung : result.rungs) seconds += rung.look_seconds;
  return seconds;
}

double chance_loss(const Job& job) {
  const auto& labels = job.data->labels;
  const auto rows = static_cast<double>(labels.size());
  if (job.classes == 1) {
    double mean = 0.0, variance = 0.0;
    for (const float label : labels) mean += label / job.options.target_scale / rows;
    for (const float label : labels)
      variance += std::pow(label / job.options.target_scale - mean, 2) / rows;
    return variance;
  }
  std::vector<double> counts(static_cast<std::size_t>(job.classes));
  for (const float label : labels) counts[static_cast<std::size_t>(label)] += 1.0;
  double entropy = 0.0;
  for (const double count : counts)
    if (count > 0.0) entropy -= count / rows * std::log(count / rows);
  return entropy;
}

void judge(const Job& job, std::int64_t steps_per_epoch, Result& result) {
  const auto mean_of_last = [&](std::size_t count) {
    double sum = 0.0;
    for (std::size_t i = result.curve.size() - count; i < result.curve.size(); ++i)
      sum += result.curve[i].loss;
    return sum / static_cast<double>(count);
  };
  const std::size_t steps = result.curve.size();
  result.train_loss = mean_of_last(std::min(steps, static_cast<std::size_t>(steps_per_epoch)));
  const double chance = chance_loss(job), last = mean_of_last((steps + 3) / 4);
  if (last < 0.99 * chance || steps < 8 || !(chance > 0.0)) return;
  result.status = Status::collapsed;
  result.why = fmt::format(
      "the mean loss of the last {} steps, {:.4f}, is no better than that of the labels' "
      "frequencies, {:.4f}",
      (steps + 3) / 4, last, chance);
}

}  // namespace runner::train
