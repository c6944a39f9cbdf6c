#include <ATen/TensorOperators.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

#include "kernels/dropout.hpp"
#include "model/network.hpp"
#include "model/network_products.hpp"
#include "model/network_tape.hpp"
#include "model/ops_batch.hpp"

namespace runner::model {

using at::Tensor;

namespace {

// Sites of dropout: one number for each mask of a step.
std::uint32_t layer_site(int layer, int which) {
  return static_cast<std::uint32_t>(1 + 3 * layer + which);
}

Tensor activate(Activation activation, const Tensor& x) {
  switch (activation) {
    case Activation::tanh:
      return x.tanh();
    case Activation::relu:
      return x.relu();
    case Activation::gelu:
      break;
  }
  return at::gelu(x);
}

}  // namespace

double Network::take_flops() { return std::exchange(flops_, 0.0); }

// x [n, in] by weight [out, in] transposed, or by weight itself where `transposed` is false.
void Network::multiply(const Tensor& x, const Tensor& weight, bool transposed, const Tensor& out,
                       const Tensor& bias) {
  const Tensor w = transposed ? weight.t() : weight;
  kernels_ ? multiply_rows(out, x, w, bias) : multiply_exactly(out, x, w, bias);
  flops_ += 2.0 * static_cast<double>(x.size(0)) * static_cast<double>(weight.numel());
}

// Only products on a CPU want whole units of rows.
Tensor Network::take_rows(std::int64_t rows, std::int64_t columns, at::ScalarType type) {
  if (!kernels_) return arena_.take({rows, columns}, type);
  const Tensor all = arena_.take({round_up_rows(rows), columns}, type);
  all.narrow(0, rows, all.size(0) - rows).zero_();
  return all.narrow(0, 0, rows);
}

Tensor Network::take_product(std::int64_t rows, std::int64_t columns) {
  return take_rows(rows, columns, product_type_);
}

void Network::take_norm(NormStep& step, std::int64_t rows, std::int64_t columns, bool taped) {
  step.keep = taped;
  if (!kernels_) return;
  if (taped) {
    step.mean = arena_.take({rows}, at::kFloat);
    step.rstd = arena_.take({rows}, at::kFloat);
  }
  step.y = take_rows(rows, columns, at::kFloat);
  if (options_.bf16) step.y_product = take_product(rows, columns);
}

void Network::run_attention(int index, LayerTape& tape) {
  const LayerWeights& layer = layers_[static_cast<std::size_t>(index)];
  const DeviceBatch& batch = tape_->batch;
  const std::int64_t hidden = config_.hidden_size, tokens = tape.input.size(0);
  const auto project = [&](const Tensor& x, std::int64_t first, std::int64_t count) {
    const Tensor out = take_product(x.size(0), count);
    const Tensor& bias = kernels_ ? layer.qkv.bias : layer.qkv.added;
    multiply(x, layer.qkv.weight.narrow(0, first, count), true, out, bias.narrow(0, first, count));
    return out;
  };
  AttentionStep& step = tape.attention;
  step.batch = &batch;
  step.heads = config_.heads;
  step.bias.table = relative_.table;
  // With frozen layers the bias, which they share, is frozen too.
  if (tape_->taped_from == 0) step.bias.gradient = relative_.gradient;
  step.first_query_only = is_last(index);
  if (step.first_query_only) {
    tape.first_product = take_product(batch.host->rows(), hidden);
    tape.first_product.copy_(tape.input_product.index_select(0, batch.first));
    step.q = project(tape.first_product, 0, hidden);
    const Tensor kv = project(tape.input_product, hidden, 2 * hidden);
    step.k = kv.narrow(1, 0, hidden);
    step.v = kv.narrow(1, hidden, hidden);
  } else {
    const Tensor qkv = project(tape.input_product, 0, 3 * hidden);
    step.q = qkv.narrow(1, 0, hidden);
    step.k = qkv.narrow(1, hidden, hidden);
    step.v = qkv.narrow(1, 2 * hidden, hidden);
  }
  if (kernels_)
    tape.context = take_product(step.first_query_only ? batch.host->rows() : tokens, hidden);
  ops_->attention_forward(step, tape.context);
  flops_ += attention_flops(step, 2);
}

double Network::attention_flops(const AttentionStep& step, int products) const {
  double pairs = 0.0;
  for (std::int64_t row = 0; row < step.batch->host->rows(); ++row) {
    const auto length = static_cast<double>(step.batch->host->length(row));
    pairs += step.first_query_only ? length : length * length;
  }
  return 2.0 * products * pairs * config_.hidden_size;
}

// `tape.output.y` (and y_product) may be given; what is not is taken from the arena.
void Network::run_layer(int index, LayerTape& tape, bool taped) {
  const LayerWeights& layer = layers_[static_cast<std::size_t>(index)];
  const TrainPass& pass = tape_->pass;
  const double dropout = drops(index) ? pass.dropout : 0.0;
  const auto eps = static_cast<float>(config_.layer_norm_eps);
  tape.attention.dropout = kernels::dropout(drops(index) ? pass.attention_dropout : 0.0,
                                            pass.dropout_key, layer_site(index, 0));
  run_attention(index, tape);
  const std::int64_t rows = tape.context.size(0);

  NormStep& middle = tape.middle;
  middle.x = take_product(rows, config_.hidden_size);
  multiply(tape.context, layer.out.weight, true, middle.x, layer.out.added);
  if (kernels_) middle.bias = layer.out.bias;
  middle.residual = is_last(index) ? tape.input.index_select(0, tape_->batch.first) : tape.input;
  middle.gamma = layer.attention.gamma;
  middle.beta = layer.attention.beta;
  middle.eps = eps;
  middle.dropout = kernels::dropout(config_.family->attention_output_dropout ? dropout : 0.0,
                                    pass.dropout_key, layer_site(index, 1));
  take_norm(middle, rows, config_.hidden_size, taped);
  ops_->norm_forward(middle);

  tape.inner = take_product(rows, config_.intermediate_size);
  multiply(product_of(middle), layer.up.weight, true, tape.inner, layer.up.added);
  NormStep& output = tape.output;
  output.x = take_product(rows, config_.hidden_size);
  // Backward makes gelu's output again from its input: no layer's is kept.
  const Arena::Mark mark = arena_.mark();
  const Tensor activated = taped ? take_product(rows, config_.intermediate_size) : tape.inner;
  ops_->gelu_forward(tape.inner, kernels_ ? layer.up.bias : Tensor{}, activated);
  multiply(activated, layer.down.weight, true, output.x, layer.down.added);
  arena_.release(mark);
  if (kernels_) output.bias = layer.down.bias;
  output.residual = middle.y;
  output.gamma = layer.output.gamma;
  output.beta = layer.output.beta;
  output.eps = eps;
  output.dropout = kernels::dropout(dropout, pass.dropout_key, layer_site(index, 2));
  if (!output.y.defined()) take_norm(output, rows, config_.hidden_size, taped);
  ops_->norm_forward(output);
}

Tensor Network::forward(const PackedBatch& batch) {
  const c10::InferenceMode guard;
  begin_pass(batch, nullptr);
  return run_head(run_layers(run_embedding(), 0, config_.layers).y);
}

Tensor Network::forward(const PackedBatch& batch, const TrainPass& pass, const Tensor& frozen) {
  const c10::InferenceMode guard;
  begin_pass(batch, &pass);
  const bool given = frozen.defined();
  const NormStep below = given ? take_up(frozen) : run_embedding();
  return run_head(run_layers(below, given ? pass.frozen_layers : 0, config_.layers).y);
}

Tensor Network::forward(const DeviceBatch& batch, const TrainPass& pass) {
  const c10::InferenceMode guard;
  begin_pass(*batch.host, &pass, &batch);
  return run_head(run_layers(run_embedding(), 0, config_.layers).y);
}

Tensor Network::frozen_output(const PackedBatch& batch, int layers) {
  const c10::InferenceMode guard;
  begin_pass(batch, nullptr);
  return run_layers(run_embedding(), 0, layers).y;
}

const Tensor& Network::labels() const { return tape_->batch.labels; }

DeviceBatch Network::place(const PackedBatch& batch, bool embeddings_trained, Tensor* room) const {
  if (kernels_) {
    DeviceBatch placed;
    placed.host = &batch;
    placed.first =
        at::tensor(at::ArrayRef(batch.offsets.data(), batch.offsets.size() - 1), at::kInt)
            .to(at::kLong);
    placed.labels = at::tensor(batch.labels, at::kFloat);
    return placed;
  }
  if (!embeddings_trained) return upload_batch(batch, options_.device, {}, {}, {}, room);
  std::vector<std::int32_t> segments;
  if (config_.type_vocab_size > 0) segments = batch.types;
  return upload_batch(batch, options_.device, {word_rows(batch), config_.vocab_size},
                      {position_rows(batch), config_.max_positions},
                      {segments, config_.type_vocab_size}, room);
}

void Network::begin_pass(const PackedBatch& batch, const TrainPass* pass,
                         const DeviceBatch* placed) {
  arena_.release({});
  *tape_ = {};
  Tape& tape = *tape_;
  tape.host = batch;
  tape.taped_from = pass != nullptr ? pass->frozen_layers : config_.layers;
  if (pass != nullptr) tape.pass = *pass;
  tape.layers.resize(layers_.size());
  tape.batch = placed != nullptr ? *placed : place(tape.host, tape.taped_from == 0);
}

// Whether a layer (-1: the embeddings) has dropout in this pass.
bool Network::drops(int index) const {
  const TrainPass& pass = tape_->pass;
  return pass.frozen_dropout || pass.frozen_layers == 0 || index >= pass.frozen_layers;
}

NormStep Network::run_embedding() {
  Tape& tape = *tape_;
  const TrainPass& pass = tape.pass;
  NormStep out;
  take_norm(out, tape.host.tokens(), config_.table_width(), tape.taped_from == 0);
  EmbeddingStep& embedding = tape.embedding;
  embedding.batch = &tape.batch;
  embedding.word = view(layout_.weight(Part::word));
  embedding.position = view(layout_.weight(Part::position));
  if (config_.type_vocab_size > 0) embedding.type = view(layout_.weight(Part::type));
  embedding.gamma = view(layout_.weight(Part::embedding_norm));
  embedding.beta = view(layout_.bias(Part::embedding_norm));
  embedding.eps = static_cast<float>(config_.layer_norm_eps);
  embedding.dropout = kernels::dropout(drops(-1) ? pass.dropout : 0.0, pass.dropout_key, 0);
  embedding.keep = out.keep;
  embedding.mean = out.mean;
  embedding.rstd = out.rstd;
  embedding.y = out.y;
  embedding.y_product = out.y_product;
  ops_->embedding_forward(embedding);
  out.y = embedding.y;
  out.y_product = embedding.y_product;
  return projection_ != nullptr ? project(out.y) : out;
}

// In fp32 also among bf16 products: it is a small part of them.
NormStep Network::project(const Tensor& embedded) {
  NormStep out;
  out.y = take_rows(embedded.size(0), config_.hidden_size, at::kFloat);
  multiply(embedded, projection_->weight, true, out.y, projection_->bias);
  if (!options_.bf16) return out;
  out.y_product = take_product(embedded.size(0), config_.hidden_size);
  ops_->cast(out.y, out.y_product, false);
  return out;
}

// A given output of the layer below, with room for whole units of rows and in the products' dtype.
NormStep Network::take_up(const Tensor& hidden) {
  NormStep out;
  out.y = take_rows(hidden.size(0), hidden.size(1), at::kFloat);
  out.y.copy_(hidden);
  if (!options_.bf16) return out;
  out.y_product = take_product(hidden.size(0), hidden.size(1));
  ops_->cast(out.y, out.y_product, false);
  return out;
}

// The output of layer `end` - 1; `below` is that of layer `begin` - 1.
NormStep Network::run_layers(NormStep below, int begin, int end) {
  Tape& tape = *tape_;
  // Layers without a backward pass hand two outputs back and forth; the rest of them is released.
  NormStep slots[2] = {below, {}};
  if (begin < tape.taped_from && kernels_)
    take_norm(slots[1], below.y.size(0), config_.hidden_size, false);
  for (int layer = begin; layer < end; ++layer) {
    LayerTape& part = tape.layers[static_cast<std::size_t>(layer)];
    part.input = below.y;
    part.input_product = product_of(below);
    const bool taped = layer >= tape.taped_from;
    if (!taped && !is_last(layer) && kernels_) {
      part.output.y = slots[(layer - begin + 1) % 2].y;
      part.output.y_product = slots[(layer - begin + 1) % 2].y_product;
    }
    const Arena::Mark mark = arena_.mark();
    run_layer(layer, part, taped);
    below = part.output;
    if (taped || is_last(layer)) continue;
    arena_.release(mark);
    part = {};
  }
  return below;
}

Tensor Network::run_head(const Tensor& hidden) {
  Tape& tape = *tape_;
  const auto site = [&](int which) {
    return kernels::dropout(tape.pass.head_dropout, tape.pass.dropout_key,
                            layer_site(config_.layers, which));
  };
  tape.hidden_dropout = config_.family->head.input_dropout ? site(0) : kernels::Dropout{};
  tape.dense_dropout = site(1);
  tape.hidden = hidden.clone();
  ops_->dropout(tape.hidden_dropout, tape.hidden);
  tape.dense = multiply_alone(tape.hidden, view(layout_.weight(Part::dense)).t(),
                              view(layout_.bias(Part::dense)));
  tape.activated = activate(config_.family->head.activation, tape.dense);
  ops_->dropout(tape.dense_dropout, tape.activated);
  const Tensor last = view(layout_.weight(Part::output));
  flops_ += 2.0 * static_cast<double>(hidden.size(0)) *
            static_cast<double>(config_.hidden_size * config_.hidden_size + last.numel());
  return multiply_alone(tape.activated, last.t(), view(layout_.bias(Part::output)));
}

}  // namespace runner::model
