#include "train/evaluate.hpp"

#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "data/batches.hpp"
#include "model/network.hpp"
#include "train/at_device.hpp"
#include "train/host_copy.hpp"

namespace runner::train {
namespace {

double row_loss(std::span<const float> logits, float label, double target_scale) {
  if (logits.size() == 1) {
    const double error = double{logits[0]} - double{label} / target_scale;
    return error * error;
  }
  const double largest = *std::ranges::max_element(logits);
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return largest + std::log(sum) - double{logits[static_cast<std::size_t>(label)]};
}

model::NetworkOptions network_options(Device device, Precision precision) {
  model::NetworkOptions options;
  options.device = at_device(device);
  options.bf16 = precision == Precision::bf16;
  return options;
}

}  // namespace

struct Evaluator::State {
  model::EncoderConfig config;
  std::size_t classes;
  double target_scale;
  model::Network network;
  at::Tensor weights;  // on a GPU: the place for every load
};

Evaluator::Evaluator(const model::EncoderConfig& config, int classes, Device device,
                     Precision precision, double target_scale) {
  const model::NetworkOptions options = network_options(device, precision);
  state_ = std::unique_ptr<State>(new State{config,
                                            static_cast<std::size_t>(classes),
                                            target_scale,
                                            model::Network(config, classes, options),
                                            {}});
}

Evaluator::~Evaluator() = default;
Evaluator::Evaluator(Evaluator&&) noexcept = default;
Evaluator& Evaluator::operator=(Evaluator&&) noexcept = default;

void Evaluator::load(std::span<const float> weights) {
  const c10::InferenceMode guard;
  // The network only reads them.
  const at::Tensor flat = at::from_blob(const_cast<float*>(weights.data()),
                                        {static_cast<std::int64_t>(weights.size())}, at::kFloat);
  if (state_->network.device().is_cpu()) {
    state_->network.set_weights(flat);
  } else if (state_->weights.defined()) {
    state_->weights.copy_(flat);
  } else {
    state_->weights = flat.to(state_->network.device());
    state_->network.set_weights(state_->weights);
  }
  state_->network.refresh_products();
}

Scored Evaluator::score(const data::EncodedSplit& split, std::span<const int> rows,
                        const std::function<void()>& before_batch) {
  const c10::InferenceMode guard;
  std::vector<int> chosen(rows.begin(), rows.end());
  if (rows.empty()) {
    chosen.resize(static_cast<std::size_t>(split.rows()));
    std::iota(chosen.begin(), chosen.end(), 0);
  }
  std::vector<int> lengths;
  for (const int row : chosen) lengths.push_back(split.length(row));

  Scored scored;
  scored.logits.resize(chosen.size() * state_->classes);
  state_->network.take_flops();
  // A batch's logits are read when the next one's are under way.
  struct Batch {
    std::vector<int> places;  // in `chosen`
    HostCopy logits;
  };
  const auto take = [&](Batch& batch) {
    const auto* values = static_cast<const float*>(batch.logits.wait().const_data_ptr());
    for (const int place : batch.places) {
      std::copy_n(values, state_->classes,
                  scored.logits.begin() + static_cast<std::ptrdiff_t>(
                                              static_cast<std::size_t>(place) * state_->classes));
      values += state_->classes;
    }
  };
  std::unique_ptr<Batch> last;
  for (std::vector<int>& places :
       data::batches_by_length(lengths, state_->network.tokens_at_once())) {
    if (before_batch) before_batch();
    model::PackedBatch batch;
    for (const int place : places) {
      const int row = chosen[static_cast<std::size_t>(place)];
      batch.add_row(state_->config, split.row_ids(row), split.row_types(row));
    }
    std::unique_ptr<Batch> next(
        new Batch{std::move(places), HostCopy(state_->network.forward(batch).contiguous())});
    if (last != nullptr) take(*last);
    last = std::move(next);
    scored.tokens += batch.tokens();
  }
  if (last != nullptr) take(*last);
  scored.flops = state_->network.take_flops();

  double sum = 0.0;
  std::size_t labelled = 0;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const float label = split.labels[static_cast<std::size_t>(chosen[i])];
    if (std::isnan(label)) continue;
    sum += row_loss(std::span(scored.logits).subspan(i * state_->classes, state_->classes), label,
                    state_->target_scale);
    ++labelled;
  }
  if (state_->classes == 1 && state_->target_scale != 1.0) {
    for (float& value : scored.logits) value = static_cast<float>(value * state_->target_scale);
  }
  scored.mean_loss =
      labelled > 0 ? sum / static_cast<double>(labelled) : std::numeric_limits<double>::quiet_NaN();
  return scored;
}

}  // namespace runner::train
