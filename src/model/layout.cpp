#include "model/layout.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace runner::model {
namespace {

constexpr std::int64_t kAlignment = 16;  // floats: 64 bytes

class Builder {
 public:
  void matrix(std::string name, std::int64_t rows, std::int64_t columns) {
    add(std::move(name), {rows, columns}, rows * columns, true);
  }
  void vector(std::string name, std::int64_t size) { add(std::move(name), {size}, size, false); }
  void align() { layout_.size = (layout_.size + kAlignment - 1) / kAlignment * kAlignment; }
  void begin_layer(int layer) { layer_ = layer; }
  Layout take() { return std::move(layout_); }

 private:
  void add(std::string name, std::vector<std::int64_t> shape, std::int64_t size, bool decay) {
    layout_.parameters.push_back(
        {std::move(name), std::move(shape), layout_.size, size, decay, layer_});
    layout_.size += size;
  }
  Layout layout_;
  int layer_ = -1;
};

}  // namespace

Layout make_layout(const EncoderConfig& config, int classes) {
  const bool roberta = config.family == Family::roberta;
  const std::string prefix = roberta ? "roberta." : "bert.";
  const std::int64_t hidden = config.hidden_size, inner = config.intermediate_size;
  Builder builder;
  const auto matrix = [&](const std::string& name, std::int64_t rows, std::int64_t columns) {
    builder.matrix(name, rows, columns);
    builder.align();
  };
  const auto vector = [&](const std::string& name, std::int64_t size) {
    builder.vector(name, size);
    builder.align();
  };

  const std::string embeddings = prefix + "embeddings.";
  matrix(embeddings + "word_embeddings.weight", config.vocab_size, hidden);
  matrix(embeddings + "position_embeddings.weight", config.max_positions, hidden);
  matrix(embeddings + "token_type_embeddings.weight", config.type_vocab_size, hidden);
  vector(embeddings + "LayerNorm.weight", hidden);
  vector(embeddings + "LayerNorm.bias", hidden);

  for (int layer = 0; layer < config.layers; ++layer) {
    builder.begin_layer(layer);
    const std::string base = fmt::format("{}encoder.layer.{}.", prefix, layer);
    for (const char* name : {"query", "key", "value"})
      builder.matrix(fmt::format("{}attention.self.{}.weight", base, name), hidden, hidden);
    builder.align();
    matrix(base + "attention.output.dense.weight", hidden, hidden);
    matrix(base + "intermediate.dense.weight", inner, hidden);
    matrix(base + "output.dense.weight", hidden, inner);
    for (const char* name : {"query", "key", "value"})
      builder.vector(fmt::format("{}attention.self.{}.bias", base, name), hidden);
    builder.align();
    vector(base + "attention.output.dense.bias", hidden);
    vector(base + "attention.output.LayerNorm.weight", hidden);
    vector(base + "attention.output.LayerNorm.bias", hidden);
    vector(base + "intermediate.dense.bias", inner);
    vector(base + "output.dense.bias", hidden);
    vector(base + "output.LayerNorm.weight", hidden);
    vector(base + "output.LayerNorm.bias", hidden);
  }

  builder.begin_layer(config.layers);
  const std::string dense = roberta ? "classifier.dense" : prefix + "pooler.dense";
  const std::string output = roberta ? "classifier.out_proj" : "classifier";
  matrix(dense + ".weight", hidden, hidden);
  matrix(output + ".weight", classes, hidden);
  vector(dense + ".bias", hidden);
  vector(output + ".bias", classes);
  return builder.take();
}

std::vector<Segment> make_segments(const Layout& layout, const EncoderConfig& config) {
  std::vector<Segment> segments;
  for (const Parameter& parameter : layout.parameters) {
    SegmentKind kind = SegmentKind::other;
    if (parameter.offset == 0)
      kind = SegmentKind::word;
    else if (parameter.decay && parameter.layer >= 0 && parameter.layer < config.layers)
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

std::int64_t Layout::begin_of_layer(int layer) const {
  for (const Parameter& parameter : parameters)
    if (parameter.layer >= layer) return parameter.offset;
  return size;
}

}  // namespace runner::model
