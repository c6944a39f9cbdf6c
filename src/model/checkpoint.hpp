#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "model/config.hpp"
#include "model/layout.hpp"

namespace runner::model {

// A model as flat weights in make_layout(config, classes).
struct Checkpoint {
  EncoderConfig config;  // config.labels are the wanted labels
  Layout layout;
  std::vector<float> weights;      // [layout.size]; the head is zero while fresh_head
  bool fresh_head = true;          // no usable head in the file: call init_head before use
  bool fresh_pooler = false;       // nor the pooler that it reads; then the head is fresh too
  std::vector<std::string> notes;  // what was replaced, made or left aside, for people
};

// Loads a Hugging Face folder (config.json and model.safetensors, or a sharded
// model.safetensors.index.json; F32, F16 or BF16; names with or without the family's prefix).
// `labels` are the wanted class names in id order, empty for regression. A head whose labels are
// the same names, whatever their case, is kept, its rows in the wanted order; any other is left out
// (fresh_head). A missing pooler begins fresh; other heads and old buffers are left aside. `notes`
// says all of it. Throws InputError that lists every missing or misshapen tensor of the network,
// every one that another network would have, or, of a network that fits, those that hold NaN or
// infinity.
Checkpoint load_checkpoint(const std::filesystem::path& folder,
                           const std::vector<std::string>& labels);

// Every weight fresh, as Hugging Face initialises a model from its config: N(0, initializer_range)
// for matrices and embeddings (the padding row 0), LayerNorm 1 and 0, biases 0. Seeded by
// random::derive(seed, "init"). Needs config.json only.
Checkpoint random_checkpoint(const std::filesystem::path& folder,
                             const std::vector<std::string>& labels, std::uint64_t seed);

enum class HeadInit { normal, uniform };  // N(0, initializer_range), zero bias; nn.Linear's default

// Writes a fresh head, and where asked for a fresh pooler, into flat weights, seeded by
// random::derive(seed, "head").
void init_head(const EncoderConfig& config, const Layout& layout, std::span<float> weights,
               HeadInit init, std::uint64_t seed, bool pooler = false);

// Writes config.json and model.safetensors (F32, Hugging Face's names) into `folder`, each
// atomically, and copies the tokenizer's files from `source` (vocab.json, merges.txt, vocab.txt,
// tokenizer_config.json, special_tokens_map.json as far as they are there).
void save_checkpoint(const std::filesystem::path& folder, const EncoderConfig& config,
                     const Layout& layout, std::span<const float> weights,
                     const std::filesystem::path& source);

}  // namespace runner::model
