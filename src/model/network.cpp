#include "model/network.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "model/network_tape.hpp"

namespace runner::model {

using at::Tensor;

Network::Network(const EncoderConfig& config, int classes, const NetworkOptions& options)
    : config_(config),
      options_(options),
      product_type_(options.bf16 ? at::kBFloat16 : at::kFloat),
      layout_(make_layout(config, classes)),
      segments_(make_segments(layout_)),
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

Tensor Network::gradient_view(const Parameter& parameter) const {
  return gradient_view(parameter, parameter.shape);
}

Tensor Network::gradient(std::string_view name) const {
  const Parameter& parameter = layout_.find(name);
  if (segment_of(parameter).kind != SegmentKind::word)
    return gradient_view(parameter).to(at::kFloat);
  if (words_.empty()) return word_gradients_;
  Tensor table = at::zeros(parameter.shape, word_gradients_.options());
  const Tensor rows = at::tensor(words_, at::kInt).to(at::kLong).to(table.device());
  return table.index_copy_(0, rows, word_gradients_);
}

Tensor Network::view(const Parameter& parameter) const {
  return weights_.narrow(0, parameter.offset, parameter.size).view(parameter.shape);
}

void Network::set_weights(Tensor flat) {
  const c10::InferenceMode guard;
  weights_ = std::move(flat);
  const std::int64_t hidden = config_.hidden_size, inner = config_.intermediate_size;
  if (layout_.has(Part::projection)) {
    const Parameter &matrix = layout_.weight(Part::projection),
                    &vector = layout_.bias(Part::projection);
    projection_ = std::make_unique<Projection>(
        Projection{view(matrix), gradient_view(matrix), view(vector), gradient_view(vector)});
  }
  if (layout_.has(Part::relative)) {
    const Parameter& table = layout_.weight(Part::relative);
    relative_ = {view(table), gradient_view(table)};
  }
  for (int index = 0; index < config_.layers; ++index) {
    LayerWeights& layer = layers_[static_cast<std::size_t>(index)];
    // `rows` x `columns` from the named parameter on: three of them at once for QKV.
    const auto product = [&](Part part, std::int64_t rows, std::int64_t columns) {
      const Parameter& matrix = layout_.weight(part, index);
      const Parameter& vector = layout_.bias(part, index);
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
    const auto norm = [&](Part part) {
      const Parameter& gamma = layout_.weight(part, index);
      const Parameter& beta = layout_.bias(part, index);
      return LayerWeights::Norm{view(gamma), view(beta), gradient_view(gamma), gradient_view(beta)};
    };
    layer.qkv = product(Part::query, 3 * hidden, hidden);
    layer.out = product(Part::attention_out, hidden, hidden);
    layer.up = product(Part::up, inner, hidden);
    layer.down = product(Part::down, hidden, inner);
    layer.attention = norm(Part::attention_norm);
    layer.output = norm(Part::output_norm);
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

}  // namespace runner::model
