#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/tokenizer_description.hpp"

namespace runner::data {

// All that a model's folder says about turning texts into rows.
struct TokenizerFolder {
  TokenizerDescription description;
  int max_length = 0;                 // positions that the model has, or a lower limit of its own
  bool types = true;                  // whether the model is fed segments; else all are 0
  bool cut_left = false;              // what is too long is cut at its begin
  bool split_special_tokens = false;  // special tokens in a text are text
  std::vector<std::string> notes;     // what is left aside, a sentence each
};

// Reads config.json, tokenizer.json where it is there, else the vocabulary's files of the family
// that tokenizer_config.json or config.json names, and what the other files add. Throws InputError
// naming file and key of what is missing, malformed, contradictory or not supported.
TokenizerFolder read_tokenizer_folder(const std::filesystem::path& folder);

// Where there is no tokenizer.json, the vocabulary's files that the family needs and that are not
// there.
std::vector<std::filesystem::path> missing_tokenizer_files(const std::filesystem::path& folder);

}  // namespace runner::data
