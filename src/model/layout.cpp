#include "model/layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "model/relative.hpp"

namespace runner::model {
namespace {

constexpr std::int64_t kAlignment = 16;  // floats: 64 bytes

class Builder {
 public:
  explicit Builder(const Family& family) : family_(family) {}

  void begin_layer(int layer) { layer_ = layer; }
  void matrix(Part part, std::int64_t rows, std::int64_t columns) {
    add(part, false, {rows, columns}, rows * columns, true);
  }
  // A table that optimisers treat as a bias (in Hugging Face's Trainer by its name).
  void undecayed(Part part, std::int64_t rows, std::int64_t columns) {
    add(part, false, {rows, columns}, rows * columns, false);
    align();
  }
  void bias(Part part, std::int64_t size) { add(part, true, {size}, size, false); }
  void norm(Part part, std::int64_t size) {
    add(part, false, {size}, size, false);
    align();
    bias(part, size);
    align();
  }
  void align() { layout_.size = (layout_.size + kAlignment - 1) / kAlignment * kAlignment; }
  Layout take() { return std::move(layout_); }

 private:
  void add(Part part, bool bias, std::vector<std::int64_t> shape, std::int64_t size, bool decay) {
    layout_.parameters.push_back(
        {.name = tensor_name(family_, part, layer_) + (bias ? ".bias" : ".weight"),
         .part = part,
         .bias = bias,
         .shape = std::move(shape),
         .offset = layout_.size,
         .size = size,
         .decay = decay,
         .layer = layer_});
    layout_.size += size;
  }

  const Family& family_;
  Layout layout_;
  int layer_ = -1;
};

}  // namespace

Layout make_layout(const EncoderConfig& config, int classes) {
  const std::int64_t hidden = config.hidden_size, inner = config.intermediate_size;
  Builder builder(*config.family);
  const auto matrix = [&](Part part, std::int64_t rows, std::int64_t columns) {
    builder.matrix(part, rows, columns);
    builder.align();
  };
  const auto bias = [&](Part part, std::int64_t size) {
    builder.bias(part, size);
    builder.align();
  };

  const std::int64_t width = config.table_width();
  matrix(Part::word, config.vocab_size, width);
  matrix(Part::position, config.max_positions, width);
  if (config.type_vocab_size > 0) matrix(Part::type, config.type_vocab_size, width);
  if (width != hidden) matrix(Part::projection, hidden, width);
  builder.norm(Part::embedding_norm, width);
  if (width != hidden) bias(Part::projection, hidden);
  if (config.family->relative_bias)
    builder.undecayed(Part::relative, kRelativeBuckets, config.heads);

  for (int layer = 0; layer < config.layers; ++layer) {
    builder.begin_layer(layer);
    for (const Part part : {Part::query, Part::key, Part::value})
      builder.matrix(part, hidden, hidden);
    builder.align();
    matrix(Part::attention_out, hidden, hidden);
    matrix(Part::up, inner, hidden);
    matrix(Part::down, hidden, inner);
    for (const Part part : {Part::query, Part::key, Part::value}) builder.bias(part, hidden);
    builder.align();
    bias(Part::attention_out, hidden);
    builder.norm(Part::attention_norm, hidden);
    bias(Part::up, inner);
    bias(Part::down, hidden);
    builder.norm(Part::output_norm, hidden);
  }

  builder.begin_layer(config.layers);
  matrix(Part::dense, hidden, hidden);
  matrix(Part::output, classes, hidden);
  bias(Part::dense, hidden);
  bias(Part::output, classes);
  return builder.take();
}

std::vector<Segment> make_segments(const Layout& layout) {
  std::vector<Segment> segments;
  for (const Parameter& parameter : layout.parameters) {
    SegmentKind kind = SegmentKind::other;
    if (parameter.part == Part::word)
      kind = SegmentKind::word;
    else if (parameter.decay && is_of_layer(parameter.part))
      kind = SegmentKind::product;
    if (segments.empty() || segments.back().kind != kind ||
        segments.back().decay != parameter.decay || segments.back().layer != parameter.layer) {
      if (!segments.empty()) segments.back().end = parameter.offset;
      segments.push_back({parameter.offset, layout.size, kind, parameter.decay, parameter.layer});
    }
  }
  return segments;
}

const Parameter& Layout::find(std::string_view name) const {
  for (const Parameter& parameter : parameters)
    if (parameter.name == name) return parameter;
  throw std::out_of_range(fmt::format("no parameter '{}'", name));
}

const Parameter& Layout::find(Part part, bool bias, int layer) const {
  for (const Parameter& parameter : parameters)
    if (parameter.part == part && parameter.bias == bias &&
        (!is_of_layer(part) || parameter.layer == layer))
      return parameter;
  throw std::out_of_range("no such parameter");
}

bool Layout::has(Part part) const {
  return std::ranges::find(parameters, part, &Parameter::part) != parameters.end();
}

std::int64_t Layout::begin_of_layer(int layer) const {
  for (const Parameter& parameter : parameters)
    if (parameter.layer >= layer) return parameter.offset;
  return size;
}

}  // namespace runner::model
