#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace runner::data {

struct Encoding {
  std::vector<std::int32_t> ids;
  std::vector<std::uint8_t> types;  // segment of each token; all 0 for RoBERTa
  bool truncated = false;
};

// Text to token ids, for any text those that Hugging Face makes of the same folder. Safe to use
// from several threads, which wait for one another.
class Tokenizer {
 public:
  // From a model's folder: tokenizer.json, or without one the vocabulary's files of the family that
  // tokenizer_config.json or config.json names; data/tokenizer_folder.hpp has all that is read.
  // Throws InputError naming the file and what is wrong with it, or not supported.
  static Tokenizer load(const std::filesystem::path& folder);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  // <s> A </s> and <s> A </s></s> B </s>, [CLS] A [SEP] and [CLS] A [SEP] B [SEP], or what else
  // the folder says, in at most min(max_length, this->max_length()) tokens: what is too long is cut
  // at its end (where the folder says so, its begin), of a pair the longer text first. An empty B
  // counts as none, as in Hugging Face. Special tokens written out in the text are read as such.
  // Bytes that are not UTF-8 read as U+FFFD.
  Encoding encode(std::string_view text_a, std::optional<std::string_view> text_b,
                  int max_length) const;

  // Longest row that the folder's model takes, in tokens; INT_MAX without a config.json.
  int max_length() const;
  int vocab_size() const;  // largest id + 1
  // What the folder holds and is left aside, a sentence each.
  const std::vector<std::string>& notes() const;
  // Of everything that the ids depend on.
  const std::string& content_hash() const;

 private:
  struct State;
  explicit Tokenizer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace runner::data
