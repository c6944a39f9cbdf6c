#include "train/loss_gradient.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "data/batches.hpp"
#include "model/network.hpp"
#include "train/at_device.hpp"
#include "train/loss.hpp"

namespace runner::train {

using at::Tensor;

struct LossGradient::State {
  model::EncoderConfig config;
  double target_scale;
  model::Network network;
};

LossGradient::LossGradient(const model::EncoderConfig& config, int classes, Device device,
                           Precision precision, double target_scale) {
  model::NetworkOptions options;
  options.device = at_device(device);
  options.gradients = true;
  options.bf16 = precision == Precision::bf16;
  state_ = std::unique_ptr<State>(
      new State{config, target_scale, model::Network(config, classes, options)});
}

LossGradient::~LossGradient() = default;
LossGradient::LossGradient(LossGradient&&) noexcept = default;
LossGradient& LossGradient::operator=(LossGradient&&) noexcept = default;

LossGradient::Result LossGradient::at(std::span<const float> weights,
                                      const data::EncodedSplit& split, std::span<const int> rows,
                                      const std::function<void()>& before_batch) {
  const c10::InferenceMode guard;
  model::Network& network = state_->network;
  // The network only reads them.
  const Tensor flat = at::from_blob(const_cast<float*>(weights.data()),
                                    {static_cast<std::int64_t>(weights.size())}, at::kFloat);
  network.set_weights(flat.to(network.device()));
  network.refresh_products();
  network.take_flops();

  std::vector<std::int32_t> words;
  std::vector<int> lengths;
  for (const int row : rows) {
    lengths.push_back(split.length(row));
    if (!network.has_kernels()) continue;
    const auto ids = split.row_ids(row);
    words.insert(words.end(), ids.begin(), ids.end());
  }
  std::ranges::sort(words);
  words.erase(std::ranges::unique(words).begin(), words.end());
  network.begin_step(std::move(words));

  Tensor loss;
  for (const std::vector<int>& places :
       data::batches_by_length(lengths, network.tokens_at_once())) {
    if (before_batch) before_batch();
    model::PackedBatch batch;
    for (const int place : places) {
      const int row = rows[static_cast<std::size_t>(place)];
      batch.add_row(state_->config, split.row_ids(row), split.row_types(row));
      batch.labels.push_back(split.labels[static_cast<std::size_t>(row)]);
    }
    const Tensor logits = network.forward(batch, model::TrainPass{});
    const BatchLoss part = batch_loss(logits, network.labels(), static_cast<double>(rows.size()),
                                      state_->target_scale);
    network.backward(part.dlogits);
    loss = loss.defined() ? loss + part.sum : part.sum;
  }

  Result result;
  result.mean_loss = loss.item<double>();
  result.flops = network.take_flops();
  result.gradient.resize(weights.size());
  const Tensor all = at::from_blob(result.gradient.data(), flat.sizes(), at::kFloat);
  for (const model::Segment& segment : network.segments()) {
    const Tensor gradient = network.gradient(segment).to(at::kCPU);
    const std::vector<std::int32_t>& touched = network.words();
    if (segment.kind != model::SegmentKind::word || touched.empty()) {
      all.narrow(0, segment.begin, segment.size()).copy_(gradient.reshape({-1}));
      continue;
    }
    const std::int64_t width = gradient.size(1);
    for (std::size_t i = 0; i < touched.size(); ++i) {
      all.narrow(0, segment.begin + touched[i] * width, width)
          .copy_(gradient[static_cast<std::int64_t>(i)]);
    }
  }
  return result;
}

}  // namespace runner::train
