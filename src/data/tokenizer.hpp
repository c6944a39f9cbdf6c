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

// Text to token ids, for any text those that Hugging Face makes of the same vocabulary files (a
// tokenizer.json beside them is not read): byte-level BPE for RoBERTa, WordPiece for BERT. Safe to
// use from several threads, which wait for one another.
class Tokenizer {
 public:
  // From a model's folder: config.json's model_type decides (roberta: vocab.json and merges.txt;
  // bert: vocab.txt and, where it is there, tokenizer_config.json), and without one the files do.
  // Throws InputError naming the file and what is wrong with it.
  static Tokenizer load(const std::filesystem::path& folder);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  // <s> A </s> and <s> A </s></s> B </s>, or [CLS] A [SEP] and [CLS] A [SEP] B [SEP], in at most
  // min(max_length, this->max_length()) tokens: what is too long is cut at its end, of a pair the
  // longer text first. An empty B counts as none, as in Hugging Face. Special tokens written out in
  // the text are read as such. Bytes that are not UTF-8 read as U+FFFD.
  Encoding encode(std::string_view text_a, std::optional<std::string_view> text_b,
                  int max_length) const;

  // Longest row that the folder's model takes, in tokens; INT_MAX without a config.json.
  int max_length() const;
  int vocab_size() const;  // largest id + 1
  // Of everything that the ids depend on.
  const std::string& content_hash() const;

 private:
  struct State;
  explicit Tokenizer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace runner::data
