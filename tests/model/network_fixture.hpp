#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <vector>

#include "model/network.hpp"
#include "random/philox.hpp"

namespace runner {

inline const model::Family &kRoberta = *model::find_family("roberta"),
                           &kBert = *model::find_family("bert");

// 48 is no whole number of the fast kernels' tiles, 128 is.
inline model::EncoderConfig tiny_config(const model::Family& family, int hidden) {
  model::EncoderConfig config;
  config.family = &family;
  config.vocab_size = 90;
  config.hidden_size = hidden;
  config.layers = 3;
  config.heads = 4;
  config.intermediate_size = 2 * hidden;
  config.max_positions = 40;
  config.type_vocab_size = family.type_vocab_size > 0 ? 2 : 0;
  if (family.embedding_size > 0) config.embedding_size = hidden / 2;
  config.pad_token_id = family.pad_token_id;
  return config;
}

// A tiny network of any family, random weights, and a batch that it trains on.
struct Fixture {
  explicit Fixture(const model::Family& family, int hidden = 48)
      : config(tiny_config(family, hidden)) {
    const model::Layout layout = model::make_layout(config, 3);
    weights.resize(static_cast<std::size_t>(layout.size));
    random::Stream stream(4);
    for (const model::Parameter& parameter : layout.parameters)
      for (std::int64_t i = 0; i < parameter.size; ++i)
        weights[static_cast<std::size_t>(parameter.offset + i)] = static_cast<float>(
            (is_norm(parameter.part) && !parameter.bias ? 1.0 : 0.0) + 0.1 * stream.normal());
    // Away from relu's kink, where neither rounding nor a finite difference may cross it.
    if (family.head.activation == model::Activation::relu) {
      const model::Parameter& bias = layout.bias(model::Part::dense);
      for (std::int64_t i = 0; i < bias.size; ++i)
        weights[static_cast<std::size_t>(bias.offset + i)] = i % 2 == 0 ? 6.0F : -6.0F;
    }
    for (const int length : {7, 3, 20, 1, 12}) {
      std::vector<std::int32_t> ids;
      std::vector<std::uint8_t> types;
      for (int i = 0; i < length; ++i) {
        // A padding id may stand in a text.
        ids.push_back(i == 5 ? config.pad_token_id : static_cast<std::int32_t>(stream.below(90)));
        types.push_back(i > length / 2 ? 1 : 0);
      }
      batch.add_row(config, ids, types);
    }
    pass.dropout_key = 77;
    pass.dropout = 0.1;
    pass.attention_dropout = 0.2;
    pass.head_dropout = 0.1;
  }
  at::Tensor flat() {
    return at::from_blob(weights.data(), {static_cast<std::int64_t>(weights.size())}, at::kFloat);
  }
  std::vector<std::int32_t> words() const {
    std::vector<std::int32_t> out = batch.ids;
    std::ranges::sort(out);
    out.erase(std::ranges::unique(out).begin(), out.end());
    return out;
  }
  // Logits of a training pass, with the gradients of a fixed function of them, or of those of the
  // first `rows`, left in `network`.
  at::Tensor train(model::Network& network, const at::Tensor& frozen = {}, std::int64_t rows = -1) {
    network.set_weights(flat());
    network.refresh_products();
    network.begin_step(words());
    const at::Tensor logits = network.forward(batch, pass, frozen).clone();
    std::vector<float> dlogits;
    random::Stream stream(9);
    for (std::int64_t i = 0; i < logits.numel(); ++i)
      dlogits.push_back(static_cast<float>(stream.normal()));
    const at::Tensor gradient = at::tensor(dlogits, at::kFloat).view(logits.sizes());
    if (rows >= 0) gradient.narrow(0, rows, gradient.size(0) - rows).zero_();
    network.backward(gradient);
    return logits;
  }

  model::EncoderConfig config;
  std::vector<float> weights;
  model::PackedBatch batch;
  model::TrainPass pass;
};

inline double relative_distance(const at::Tensor& a, const at::Tensor& b) {
  const double scale = b.norm().item<double>();
  return (a - b).norm().item<double>() / std::max(scale, 1e-6);
}

// A key's bias cancels in the softmax: its gradient is rounding alone.
inline bool is_rounding(const model::Parameter& parameter) {
  return parameter.part == model::Part::key && parameter.bias;
}

}  // namespace runner
