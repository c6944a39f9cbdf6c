#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/config.hpp"

namespace runner::model {

// One parameter tensor's place in the flat fp32 buffer that holds a whole model.
struct Parameter {
  std::string name;  // Hugging Face's, with the family's prefix
  Part part = Part::word;
  bool bias = false;  // a bias, or LayerNorm's; else the weight
  std::vector<std::int64_t> shape;
  std::int64_t offset = 0;  // in floats; a multiple of 16 (64 bytes) but inside a QKV group
  std::int64_t size = 0;    // in floats
  bool decay = false;       // a weight matrix or an embedding: neither bias nor LayerNorm,
                            // nor a bias by relative position
  int layer = 0;            // -1: embeddings; 0..L-1: encoder; L: head
};

// The parameters of an encoder with its head in a fixed order, end to end in one flat buffer: word
// embeddings first, then per block all matrices followed by all vectors. A layer's query, key and
// value weights are adjacent, so that [3H, H] is one view; so are their biases. Gaps left by
// alignment hold zeros.
struct Layout {
  std::vector<Parameter> parameters;
  std::int64_t size = 0;  // floats, gaps included
  // std::out_of_range when absent.
  const Parameter& find(std::string_view name) const;
  // `layer` counts for layers' parts.
  const Parameter& weight(Part part, int layer = 0) const { return find(part, false, layer); }
  const Parameter& bias(Part part, int layer = 0) const { return find(part, true, layer); }
  bool has(Part part) const;
  // First float that belongs to a layer >= `layer` (-1 .. L; L + 1 is `size`).
  std::int64_t begin_of_layer(int layer) const;

 private:
  const Parameter& find(Part part, bool bias, int layer) const;
};

// `classes` outputs; 1 for regression.
Layout make_layout(const EncoderConfig& config, int classes);

// What a stretch of the buffer is to the trainer.
enum class SegmentKind {
  word,     // the word embeddings, of which a batch touches few rows
  product,  // one layer's four weight matrices, QKV, output, up and down: read by bf16 products
  other,    // read as fp32: vectors, small tables, the head
};

// A longest stretch of one kind, one layer and one decay group, gaps between its parameters
// included.
struct Segment {
  std::int64_t begin = 0, end = 0;  // floats of the flat buffer
  SegmentKind kind = SegmentKind::other;
  bool decay = false;
  int layer = 0;  // as Parameter::layer
  std::int64_t size() const { return end - begin; }
};

// In order; together they cover the buffer.
std::vector<Segment> make_segments(const Layout& layout);

}  // namespace runner::model
