#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/vocabulary.hpp"

namespace runner::data {

// How a vocabulary writes each byte: as the printable character that it is in Latin-1, else as the
// next free one from U+0100 on.
std::array<std::string, 256> byte_names();

// Byte-level byte-pair encoding (Radford et al. 2019; Sennrich et al. 2016), as RoBERTa uses it:
// the text is cut into words by GPT-2's pattern, each word starts as its bytes, and the adjacent
// pair of lowest rank is merged until no pair has a rank.
class BytePairEncoding {
 public:
  // `merges`: the bytes of merges.txt, one pair per line in order of rank. Throws InputError
  // (name:line) on a line that is no pair, or whose parts or product the vocabulary lacks.
  BytePairEncoding(const Vocabulary& vocabulary, std::string_view merges,
                   std::string_view merges_name);

  // Appends the ids of a valid UTF-8 text. Bytes that the vocabulary lacks are left out.
  void encode(std::string_view text, std::vector<std::int32_t>& ids);

 private:
  struct Merge {
    std::int32_t rank, id;
  };
  const Merge* find_merge(std::int32_t left, std::int32_t right) const;
  void encode_word(std::string_view word, std::vector<std::int32_t>& ids);
  std::vector<std::int32_t> merge_word(std::string_view word) const;

  std::array<std::int32_t, 256> byte_ids_;           // -1: not in the vocabulary
  std::unordered_map<std::uint64_t, Merge> merges_;  // by (left id, right id)
  WordCache words_;
};

}  // namespace runner::data
