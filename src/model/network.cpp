#include "model/network.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <algorithm>

#include "kernels/dropout.hpp"
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

}  // namespace

Network::Network(const EncoderConfig& config, int classes, const NetworkOptions& options)
    : config_(config),
      options_(options),
      product_type_(options.bf16 ? at::kBFloat16 : at::kFloat),
      layout_(make_layout(config, classes)),
      segments_(make_segments(layout_, config)),
      kernels_(options.device.is_cpu() && !options.reference_ops),
      ops_(kernels_ ? make_kernel_ops() : make_aten_ops(product_type_)),
      arena_(options.device),
      layers_(static_cast<std::size_t>(config.layers)),
      tape_(std::make_unique<Tape>()) {
  const at::TensorOptions floats = at::TensorOptions(options.device).dtype(at::kFloat);
  std::int64_t products = 0;
  for (const Segment& segment : segments_)
    if (segment.kind == SegmentKind::product) products += segment.size();
  if (options.bf16) rounded_ = at::empty({products}, floats.dtype(at::kBFloat16));
  if (options.gradients) {
    if (options.bf16 && options.bf16_gradients)
      product_gradients_ = at::empty({products}, floats.dtype(at::kBFloat16));
    gradients_ = at::empty({layout_.size - segments_.front().end}, floats);
  }
}

Network::~Network() = default;

std::string Network::layer_name(int index, std::string_view rest) const {
  return fmt::format("{}.encoder.layer.{}.{}",
                     config_.family == Family::roberta ? "roberta" : "bert", index, rest);
}

const Segment& Network::segment_of(const Parameter& parameter) const {
  return *std::ranges::find_if(segments_, [&](const Segment& segment) {
    return segment.begin <= parameter.offset && parameter.offset < segment.end;
  });
}

// Product segments lie end to end, one per layer, all of one size.
std::int64_t Network::product_offset(const Segment& segment) const {
  return segment.layer * segment.size();
}

Tensor Network::gradient(const Segment& segment) const {
  if (segment.kind == SegmentKind::word) return word_gradients_;
  if (segment.kind == SegmentKind::product && product_gradients_.defined())
    return product_gradients_.narrow(0, product_offset(segment), segment.size());
  return gradients_.narrow(0, segment.begin - segments_.front().end, segment.size());
}

Tensor Network::gradients_from(const Segment& segment) const {
  const std::int64_t word = segments_.front().end;
  const std::int64_t begin = std::max<std::int64_t>(0, segment.begin - word);
  return gradients_.narrow(0, begin, gradients_.numel() - begin);
}

Tensor Network::rounded(const Segment& segment) const {
  if (!rounded_.defined() || segment.kind != SegmentKind::product) return {};
  return rounded_.narrow(0, product_offset(segment), segment.size());
}

Tensor Network::gradient_view(const Parameter& first, at::IntArrayRef shape) const {
  if (!options_.gradients) return {};
  const Segment& segment = segment_of(first);
  std::int64_t size = 1;
  for (const std::int64_t extent : shape) size *= extent;
  return gradient(segment).narrow(0, first.offset - segment.begin, size).view(shape);
}

Tensor Network::gradient(std::string_view name) const {
  const Parameter& parameter = layout_.find(name);
  if (segment_of(parameter).kind != SegmentKind::word)
    return gradient_view(parameter, parameter.shape).to(at::kFloat);
  if (words_.empty()) return word_gradients_;
  Tensor table = at::zeros(parameter.shape, word_gradients_.options());
  const Tensor rows = at::tensor(words_, at::kInt).to(at::kLong).to(table.device());
  return table.index_copy_(0, rows, word_gradients_);
}

Tensor Network::weight(std::string_view name) const {
  const Parameter& parameter = layout_.find(name);
  return weights_.narrow(0, parameter.offset, parameter.size).view(parameter.shape);
}

void Network::set_weights(Tensor flat) {
  const c10::InferenceMode guard;
  weights_ = std::move(flat);
  const std::int64_t hidden = config_.hidden_size, inner = config_.intermediate_size;
  for (int index = 0; index < config_.layers; ++index) {
    LayerWeights& layer = layers_[static_cast<std::size_t>(index)];
    // `rows` x `columns` from the named parameter on: three of them at once for QKV.
    const auto product = [&](const char* name, std::int64_t rows, std::int64_t columns) {
      const Parameter& matrix = layout_.find(layer_name(index, fmt::format("{}.weight", name)));
      const Parameter& vector = layout_.find(layer_name(index, fmt::format("{}.bias", name)));
      const Segment& segment = segment_of(matrix);
      const Tensor source =
          rounded_.defined() ? rounded(segment) : weights_.narrow(0, segment.begin, segment.size());
      const Tensor bias = weights_.narrow(0, vector.offset, rows);
      // The kernels add a bias after the product, with its neighbours; cuBLAS adds it for nothing.
      Tensor added;
      if (!kernels_) added = rounded_.defined() ? at::empty_like(bias, at::kBFloat16) : bias;
      return LayerWeights::Product{
          source.narrow(0, matrix.offset - segment.begin, rows * columns).view({rows, columns}),
          gradient_view(matrix, {rows, columns}), bias, gradient_view(vector, {rows}), added};
    };
    const auto norm = [&](const char* name) {
      const std::string gamma = layer_name(index, fmt::format("{}.LayerNorm.weight", name));
      const std::string beta = layer_name(index, fmt::format("{}.LayerNorm.bias", name));
      return LayerWeights::Norm{weight(gamma), weight(beta),
                                gradient_view(layout_.find(gamma), {hidden}),
                                gradient_view(layout_.find(beta), {hidden})};
    };
    layer.qkv = product("attention.self.query", 3 * hidden, hidden);
    layer.out = product("attention.output.dense", hidden, hidden);
    layer.up = product("intermediate.dense", inner, hidden);
    layer.down = product("output.dense", hidden, inner);
    layer.attention = norm("attention.output");
    layer.output = norm("output");
  }
}

void Network::refresh_products(int layer) {
  const c10::InferenceMode guard;
  if (!rounded_.defined()) return;
  for (const Segment& segment : segments_)
    if (segment.kind == SegmentKind::product && segment.layer >= layer)
      ops_->cast(weights_.narrow(0, segment.begin, segment.size()), rounded(segment), false);
  if (kernels_) return;
  std::vector<Tensor> sources, targets;
  for (const LayerWeights& weights : layers_)
    for (const auto* product : {&weights.qkv, &weights.out, &weights.up, &weights.down}) {
      sources.push_back(product->bias);
      targets.push_back(product->added);
    }
  at::_foreach_copy_(targets, sources);
}

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

void Network::take_norm(NormStep& step, std::int64_t rows, bool taped) {
  step.keep = taped;
  if (!kernels_) return;
  if (taped) {
    step.mean = arena_.take({rows}, at::kFloat);
    step.rstd = arena_.take({rows}, at::kFloat);
  }
  step.y = take_rows(rows, config_.hidden_size, at::kFloat);
  if (options_.bf16) step.y_product = take_product(rows, config_.hidden_size);
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
  const auto eps = static_cast<float>(config_.layer_norm_eps);
  tape.attention.dropout =
      kernels::dropout(pass.attention_dropout, pass.dropout_key, layer_site(index, 0));
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
  middle.dropout = kernels::dropout(pass.dropout, pass.dropout_key, layer_site(index, 1));
  take_norm(middle, rows, taped);
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
  output.dropout = kernels::dropout(pass.dropout, pass.dropout_key, layer_site(index, 2));
  if (!output.y.defined()) take_norm(output, rows, taped);
  ops_->norm_forward(output);
}

Tensor Network::forward(const PackedBatch& batch) { return run(batch, nullptr); }
Tensor Network::forward(const PackedBatch& batch, const TrainPass& pass) {
  return run(batch, &pass);
}

const Tensor& Network::labels() const { return tape_->batch.labels; }

DeviceBatch Network::place(const PackedBatch& batch, bool embeddings_trained) const {
  if (kernels_) {
    DeviceBatch placed;
    placed.host = &batch;
    placed.first =
        at::tensor(at::ArrayRef(batch.offsets.data(), batch.offsets.size() - 1), at::kInt)
            .to(at::kLong);
    placed.labels = at::tensor(batch.labels, at::kFloat);
    return placed;
  }
  if (!embeddings_trained) return upload_batch(batch, options_.device, {}, {}, {});
  return upload_batch(batch, options_.device, {.host = word_rows(batch)},
                      {.host = position_rows(batch)}, {.host = batch.types});
}

Tensor Network::run(const PackedBatch& batch, const TrainPass* pass) {
  const c10::InferenceMode guard;
  arena_.release({});
  *tape_ = {};
  Tape& tape = *tape_;
  tape.host = batch;
  tape.training = pass != nullptr;
  if (pass != nullptr) tape.pass = *pass;
  const int frozen = pass != nullptr ? pass->frozen_layers : config_.layers + 1;
  const std::int64_t tokens = batch.tokens();
  tape.batch = place(tape.host, frozen == 0);

  // Layers without a backward pass hand two outputs back and forth; the rest of them is released.
  NormStep slots[2];
  if (frozen > 0 && kernels_)
    for (NormStep& slot : slots) take_norm(slot, tokens, false);

  EmbeddingStep& embedding = tape.embedding;
  const std::string prefix = config_.family == Family::roberta ? "roberta." : "bert.";
  embedding.batch = &tape.batch;
  embedding.word = weight(prefix + "embeddings.word_embeddings.weight");
  embedding.position = weight(prefix + "embeddings.position_embeddings.weight");
  embedding.type = weight(prefix + "embeddings.token_type_embeddings.weight");
  embedding.gamma = weight(prefix + "embeddings.LayerNorm.weight");
  embedding.beta = weight(prefix + "embeddings.LayerNorm.bias");
  embedding.eps = static_cast<float>(config_.layer_norm_eps);
  embedding.dropout = kernels::dropout(tape.pass.dropout, tape.pass.dropout_key, 0);
  NormStep first = slots[0];
  if (frozen == 0) take_norm(first, tokens, true);
  embedding.keep = first.keep;
  embedding.mean = first.mean;
  embedding.rstd = first.rstd;
  embedding.y = first.y;
  embedding.y_product = first.y_product;
  ops_->embedding_forward(embedding);
  first.y = embedding.y;
  first.y_product = embedding.y_product;

  tape.layers.resize(static_cast<std::size_t>(config_.layers));
  NormStep previous = first;
  for (int layer = 0; layer < config_.layers; ++layer) {
    LayerTape& part = tape.layers[static_cast<std::size_t>(layer)];
    part.input = previous.y;
    part.input_product = product_of(previous);
    const bool taped = layer >= frozen;
    if (!taped && !is_last(layer) && kernels_) {
      part.output.y = slots[(layer + 1) % 2].y;
      part.output.y_product = slots[(layer + 1) % 2].y_product;
    }
    const Arena::Mark mark = arena_.mark();
    run_layer(layer, part, taped);
    previous = part.output;
    if (taped || is_last(layer)) continue;
    arena_.release(mark);
    part = {};
  }
  return run_head(previous.y);
}

Tensor Network::run_head(const Tensor& hidden) {
  Tape& tape = *tape_;
  const bool roberta = config_.family == Family::roberta;
  const std::string dense = roberta ? "classifier.dense" : "bert.pooler.dense";
  const std::string output = roberta ? "classifier.out_proj" : "classifier";
  const auto site = [&](int which) {
    return kernels::dropout(tape.pass.head_dropout, tape.pass.dropout_key,
                            layer_site(config_.layers, which));
  };
  // BERT's pooler reads the hidden state as it is.
  tape.hidden_dropout = roberta ? site(0) : kernels::Dropout{};
  tape.dense_dropout = site(1);
  tape.hidden = hidden.clone();
  ops_->dropout(tape.hidden_dropout, tape.hidden);
  tape.dense =
      at::addmm(weight(dense + ".bias"), tape.hidden, weight(dense + ".weight").t()).tanh_();
  tape.activated = tape.dense.clone();
  ops_->dropout(tape.dense_dropout, tape.activated);
  const Tensor last = weight(output + ".weight");
  flops_ += 2.0 * static_cast<double>(hidden.size(0)) *
            static_cast<double>(config_.hidden_size * config_.hidden_size + last.numel());
  return at::addmm(weight(output + ".bias"), tape.activated, last.t());
}

}  // namespace runner::model
