#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "model/family.hpp"

namespace runner::model {

// An encoder's shape and regularisation, as Hugging Face's config.json states them.
struct EncoderConfig {
  const Family* family = &families().front();
  int vocab_size = 50265;
  int hidden_size = 768;
  int layers = 12;
  int heads = 12;
  int intermediate_size = 3072;
  int max_positions = 514;  // rows of the position table
  int type_vocab_size = 1;  // 0: no segments
  int embedding_size = 0;   // width of the embedding tables; 0: hidden_size
  int pad_token_id = 1;
  double layer_norm_eps = 1e-5;
  double initializer_range = 0.02;
  double dropout = 0.1;             // hidden states
  double attention_dropout = 0.1;   // attention probabilities
  double head_dropout = 0.1;        // null in config.json: as `dropout`
  std::vector<std::string> labels;  // id2label in id order; empty when the config has none

  int table_width() const { return embedding_size > 0 ? embedding_size : hidden_size; }
  int head_size() const { return hidden_size / heads; }
  // Position of a row's first token.
  int first_position() const { return family->positions_from_pad ? pad_token_id + 1 : 0; }
  // Longest row in tokens, specials included (512 for RoBERTa-base).
  int max_length() const { return max_positions - first_position(); }
};

// Reads and checks FOLDER/config.json. Throws InputError naming the file and the key.
EncoderConfig read_config(const std::filesystem::path& folder);

// The text of a config.json that Hugging Face's AutoModelForSequenceClassification accepts; with no
// labels a regression head of one output.
std::string config_json(const EncoderConfig& config);

}  // namespace runner::model
