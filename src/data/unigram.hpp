#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "data/tokenizer_description.hpp"

namespace runner::data {

// Unigram language model (Kudo 2018), as SentencePiece trains it: of all ways to write a word in
// pieces the one of highest total log-probability, by Viterbi's algorithm. A character that is no
// piece counts as the rarest piece's log-probability - 10 and is unknown; neighbours that are
// unknown are one token.
class Unigram {
 public:
  explicit Unigram(const TokenizerDescription& description);
  Unigram(Unigram&&) = default;
  Unigram& operator=(Unigram&&) = default;

  // Appends the ids of one valid UTF-8 word.
  void encode_word(std::string_view word, std::vector<std::int32_t>& ids);

 private:
  struct Entry {
    std::string_view piece;  // in vocabulary_
    std::int32_t id;
  };
  std::vector<std::int32_t> best_path(std::string_view word) const;

  Vocabulary vocabulary_;
  std::vector<Entry> sorted_;             // by the bytes of its piece
  std::array<std::size_t, 257> first_{};  // sorted_[first_[b], first_[b + 1]) begin with b
  std::vector<double> scores_;            // by id
  std::int32_t unknown_;
  double unknown_score_;
  WordCache words_;
};

}  // namespace runner::data
