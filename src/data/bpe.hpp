#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/tokenizer_description.hpp"

namespace runner::data {

// How a vocabulary writes each byte: as the printable character that it is in Latin-1, else as the
// next free one from U+0100 on.
std::array<std::string, 256> byte_names();

// End of the word that starts at text[begin], begin < text.size(), by GPT-2's pattern
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
std::size_t byte_level_word_end(std::string_view text, std::size_t begin);

// Byte-level byte-pair encoding (Radford et al. 2019; Sennrich et al. 2016), as RoBERTa uses it:
// the text is cut into words by GPT-2's pattern, each word starts as its bytes, and the adjacent
// pair of lowest rank is merged until no pair has a rank.
class BytePairEncoding {
 public:
  explicit BytePairEncoding(const TokenizerDescription& description);

  // Appends the ids of a valid UTF-8 text. Bytes that the vocabulary lacks become the unknown
  // token, or are left out where there is none.
  void encode(std::string_view text, std::vector<std::int32_t>& ids);
  // The same for one word.
  void encode_word(std::string_view word, std::vector<std::int32_t>& ids);

 private:
  struct Merge {
    std::int32_t rank, id;
  };
  const Merge* find_merge(std::int32_t left, std::int32_t right) const;
  std::vector<std::int32_t> merge_word(std::string_view word) const;

  std::int32_t unknown_;
  std::array<std::int32_t, 256> byte_ids_;           // -1: not in the vocabulary
  std::unordered_map<std::uint64_t, Merge> merges_;  // by (left id, right id)
  Vocabulary whole_words_;                           // with ignore_merges: as bytes
  WordCache words_;
};

}  // namespace runner::data
