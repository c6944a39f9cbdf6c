#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace runner::model {

// What a parameter is to the network, whatever a family calls it.
enum class Part {
  word,  // embedding tables [rows, width]
  position,
  type,
  embedding_norm,
  projection,  // from the tables' width to the encoder's
  relative,    // attention's bias by relative position, which all layers share: [buckets, heads]
  query,       // of a layer
  key,
  value,
  attention_out,
  attention_norm,
  up,
  down,
  output_norm,
  dense,  // of the head
  output,
};
constexpr std::size_t kEncoderParts = 14;  // those above the head's

constexpr bool is_of_layer(Part part) { return part >= Part::query && part <= Part::output_norm; }
constexpr bool is_norm(Part part) {
  return part == Part::embedding_norm || part == Part::attention_norm || part == Part::output_norm;
}

// config.json's keys for what not all families call the same; empty: the family has no such key.
struct ConfigKeys {
  std::string_view hidden_size, layers, heads, intermediate_size, activation;
  std::string_view dropout, attention_dropout, head_dropout;
  std::string_view layer_norm_eps, pad_token_id;
};

enum class Activation { tanh, relu, gelu };

// logits = output(dropout(activation(dense(dropout(first token)))))
struct Head {
  std::string_view dense, output;  // tensors' names
  Activation activation = Activation::tanh;
  bool input_dropout = true;      // whether `dense` reads its input through dropout
  bool pretrained_dense = false;  // BERT's pooler, which another task keeps
  double dropout = -1.0;          // where config.json does not say; < 0: as that of hidden states
};

// One family of post-norm encoders with a classification head as Hugging Face's transformers
// defines it: where its members differ, and what a model's folder calls them.
struct Family {
  std::string_view model_type;    // config.json's
  std::string_view architecture;  // likewise; the class that has the classification head
  std::string_view prefix;        // of the encoder's tensors, which a folder may leave out
  const ConfigKeys* keys;
  const std::array<std::string_view, kEncoderParts>* names;  // below `prefix`; {}: the layer
  Head head;
  bool positions_from_pad;     // the first token's is pad_token_id + 1, padding has pad_token_id
  int pad_token_id;            // where config.json does not say
  int type_vocab_size = 0;     // likewise; 0: no segments
  int embedding_size = 0;      // likewise; 0: the tables are as wide as the encoder
  bool relative_bias = false;  // of attention
  bool attention_output_dropout = true;  // between a layer's attention and its residual
};

// All of them, RoBERTa first.
std::span<const Family> families();
// Null when there is none.
const Family* find_family(std::string_view model_type);

// A tensor's name in a model's folder without ".weight" or ".bias"; `layer` counts for layers'
// parts.
std::string tensor_name(const Family& family, Part part, int layer);

}  // namespace runner::model
