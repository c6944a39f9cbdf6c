#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_zero.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/gt.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "model/network.hpp"
#include "model/network_products.hpp"
#include "model/network_tape.hpp"

namespace runner::model {

using at::Tensor;

namespace {

// The gradient of the activation's input x.
Tensor activation_gradient(Activation activation, const Tensor& x, const Tensor& dy) {
  switch (activation) {
    case Activation::tanh: {
      const Tensor y = x.tanh();
      return dy * (1.0 - y * y);
    }
    case Activation::relu:
      return dy * x.gt(0.0);
    case Activation::gelu:
      break;
  }
  return at::gelu_backward(dy, x);
}

}  // namespace

void Network::begin_step(std::vector<std::int32_t> words) {
  const c10::InferenceMode guard;
  std::vector<Tensor> sums;  // the rest is written before it is added to
  for (const Segment& segment : segments_)
    if (segment.kind == SegmentKind::other) sums.push_back(gradient(segment));
  at::_foreach_zero_(sums);
  // A GPU adds into the whole table: there the optimiser's dense pass is cheaper than bookkeeping.
  words_ = kernels_ ? std::move(words) : std::vector<std::int32_t>{};
  const std::int64_t rows =
      words_.empty() ? config_.vocab_size : static_cast<std::int64_t>(words_.size());
  if (!word_room_.defined() || word_room_.size(0) < rows)
    word_room_ = at::empty({rows, config_.table_width()}, gradients_.options());
  word_gradients_ = word_room_.narrow(0, 0, rows);
  word_gradients_.zero_();
  product_gradients_empty_ = true;
}

// gradient (+)= dy^T x: written by a step's first backward, added to by the others.
void Network::add_weight_gradient(const Tensor& dy, const Tensor& x, const Tensor& gradient) {
  flops_ += 2.0 * static_cast<double>(dy.size(0)) * static_cast<double>(gradient.numel());
  const auto multiply_over = [&](const Tensor& out, const Tensor& left, const Tensor& right) {
    kernels_ ? multiply_over_rows(out, left, right) : multiply_exactly(out, left.t(), right);
  };
  if (product_gradients_empty_ && gradient.scalar_type() == product_type_) {
    multiply_over(gradient, dy, x);
    return;
  }
  const Arena::Mark mark = arena_.mark();
  const Tensor part = arena_.take(gradient.sizes(), product_type_);
  multiply_over(part, dy, x);
  ops_->cast(part, gradient, !product_gradients_empty_);
  arena_.release(mark);
}

void Network::backward(const Tensor& dlogits) {
  const c10::InferenceMode guard;
  Tape& tape = *tape_;
  Tensor dy = backward_head(dlogits);
  const int frozen = tape.pass.frozen_layers;
  Tensor dy_product;
  for (int layer = config_.layers - 1; layer >= frozen; --layer)
    backward_layer(layer, frozen > 0 && layer == frozen, dy, dy_product);
  if (frozen == 0) backward_embeddings(dy, dy_product);
  product_gradients_empty_ = false;
}

// Returns the gradient of the head's input.
Tensor Network::backward_head(const Tensor& dlogits) {
  Tape& tape = *tape_;
  const Parameter &dense = layout_.weight(Part::dense), &output = layout_.weight(Part::output);
  gradient_view(output).add_(multiply_alone(dlogits.t(), tape.activated));
  ops_->add_column_sums(dlogits, gradient_view(layout_.bias(Part::output)));
  Tensor d = multiply_alone(dlogits, view(output));
  ops_->dropout(tape.dense_dropout, d);
  d = activation_gradient(config_.family->head.activation, tape.dense, d);
  gradient_view(dense).add_(multiply_alone(d.t(), tape.hidden));
  ops_->add_column_sums(d, gradient_view(layout_.bias(Part::dense)));
  d = multiply_alone(d, view(dense));
  ops_->dropout(tape.hidden_dropout, d);
  flops_ += 4.0 * static_cast<double>(d.size(0)) *
            static_cast<double>(config_.hidden_size * (config_.hidden_size + dlogits.size(1)));
  return d;
}

// On entry dy + dy_product is the gradient of the layer's output, on return of its input (unless
// `lowest`: nothing below needs it).
void Network::backward_layer(int index, bool lowest, Tensor& dy, Tensor& dy_product) {
  const LayerWeights& layer = layers_[static_cast<std::size_t>(index)];
  LayerTape& tape = tape_->layers[static_cast<std::size_t>(index)];
  const std::int64_t hidden = config_.hidden_size, rows = tape.context.size(0);
  const std::int64_t tokens = tape.input.size(0);
  const bool last = is_last(index);
  // The last layer's gradients have one row per sequence until they reach its keys and values.
  Tensor dstream;
  if (last) dstream = arena_.take({tokens, hidden}, at::kFloat);
  const Tensor dproduct = last ? take_product(tokens, hidden) : dy_product;
  const Arena::Mark mark = arena_.mark();

  Tensor dx;
  if (kernels_) dx = take_product(rows, hidden);
  ops_->norm_backward(tape.output, dy, dy_product, dx,
                      {layer.output.dgamma, layer.output.dbeta, layer.down.bias_gradient});
  const Tensor dinner = take_product(rows, config_.intermediate_size);
  multiply(dx, layer.down.weight, false, dinner);
  ops_->gelu_backward(tape.inner, kernels_ ? layer.up.bias : Tensor{}, dinner,
                      layer.up.bias_gradient);
  add_weight_gradient(dx, tape.inner, layer.down.gradient);
  const Tensor dmiddle = take_product(rows, hidden);
  multiply(dinner, layer.up.weight, false, dmiddle);
  add_weight_gradient(dinner, product_of(tape.middle), layer.up.gradient);

  ops_->norm_backward(tape.middle, dy, dmiddle, dx,
                      {layer.attention.dgamma, layer.attention.dbeta, layer.out.bias_gradient});
  const Tensor dcontext = take_product(rows, hidden);
  multiply(dx, layer.out.weight, false, dcontext);
  add_weight_gradient(dx, tape.context, layer.out.gradient);

  const Tensor dqkv = take_product(tokens, last ? 2 * hidden : 3 * hidden);
  const Tensor dq = last ? take_product(rows, hidden) : dqkv.narrow(1, 0, hidden);
  const Tensor dkv = last ? dqkv : dqkv.narrow(1, hidden, 2 * hidden);
  ops_->attention_backward(tape.attention, dcontext, dq, dkv.narrow(1, 0, hidden),
                           dkv.narrow(1, hidden, hidden));
  flops_ += attention_flops(tape.attention, 5);
  if (last) {
    const auto part = [&](const Tensor& all, std::int64_t begin, std::int64_t count) {
      return all.narrow(0, begin, count);
    };
    add_weight_gradient(dq, tape.first_product, part(layer.qkv.gradient, 0, hidden));
    add_weight_gradient(dkv, tape.input_product, part(layer.qkv.gradient, hidden, 2 * hidden));
    ops_->add_column_sums(dq, part(layer.qkv.bias_gradient, 0, hidden));
    ops_->add_column_sums(dkv, part(layer.qkv.bias_gradient, hidden, 2 * hidden));
    if (!lowest) {
      const Tensor dfirst = take_product(rows, hidden);
      multiply(dq, part(layer.qkv.weight, 0, hidden), false, dfirst);
      multiply(dkv, part(layer.qkv.weight, hidden, 2 * hidden), false, dproduct);
      dstream.zero_();
      if (kernels_)
        dstream.index_copy_(0, tape_->batch.first, dy + dfirst);
      else
        add_distinct_rows(dy + dfirst, tape_->batch.first, dstream);
    }
  } else {
    add_weight_gradient(dqkv, tape.input_product, layer.qkv.gradient);
    ops_->add_column_sums(dqkv, layer.qkv.bias_gradient);
    if (!lowest) multiply(dqkv, layer.qkv.weight, false, dproduct);
  }
  if (last) dy = dstream;
  dy_product = dproduct;
  arena_.release(mark);
}

void Network::backward_embeddings(const Tensor& dy, const Tensor& dy_product) {
  Tape& tape = *tape_;
  const auto gradient_of = [&](Part part) { return gradient_view(layout_.weight(part)); };
  Tensor dsum = projection_ != nullptr ? backward_projection(dy, dy_product) : dy;
  ops_->embedding_backward(
      tape.embedding, dsum, projection_ != nullptr ? Tensor{} : dy_product,
      {gradient_of(Part::embedding_norm), gradient_view(layout_.bias(Part::embedding_norm)), {}});
  DeviceBatch& batch = tape.batch;
  if (kernels_) {
    batch.words.host = word_rows(tape.host);
    batch.position_rows.host = position_rows(tape.host);
    batch.type_rows.host = tape.host.types;
  }
  ops_->add_rows(batch.words, dsum, word_gradients_);
  ops_->add_rows(batch.position_rows, dsum, gradient_of(Part::position));
  if (config_.type_vocab_size > 0) ops_->add_rows(batch.type_rows, dsum, gradient_of(Part::type));
}

// The gradient of the embeddings, fp32, from that of their projection.
Tensor Network::backward_projection(const Tensor& dy, const Tensor& dy_product) {
  const Tensor total = take_rows(dy.size(0), dy.size(1), at::kFloat);
  total.copy_(dy_product.defined() ? dy + dy_product : dy);
  const Tensor part = arena_.take(projection_->gradient.sizes(), at::kFloat);
  if (kernels_)
    multiply_over_rows(part, total, tape_->embedding.y);
  else
    multiply_exactly(part, total.t(), tape_->embedding.y);
  flops_ += 2.0 * static_cast<double>(total.size(0)) * static_cast<double>(part.numel());
  projection_->gradient.add_(part);
  ops_->add_column_sums(total, projection_->bias_gradient);
  const Tensor dx = take_rows(total.size(0), part.size(1), at::kFloat);
  multiply(total, projection_->weight, false, dx);
  return dx;
}

// nn.Embedding(padding_idx): a padding id that stands in a text teaches nothing.
std::vector<std::int32_t> Network::word_rows(const PackedBatch& batch) const {
  std::vector<std::int32_t> rows = batch.ids;
  for (std::int32_t& row : rows) {
    if (row == config_.pad_token_id)
      row = -1;
    else if (!words_.empty())
      row = static_cast<std::int32_t>(std::ranges::lower_bound(words_, row) - words_.begin());
  }
  return rows;
}

std::vector<std::int32_t> Network::position_rows(const PackedBatch& batch) const {
  std::vector<std::int32_t> rows = batch.positions;
  if (config_.family->positions_from_pad) std::ranges::replace(rows, config_.pad_token_id, -1);
  return rows;
}

}  // namespace runner::model
