#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer_description.hpp"

namespace runner::data {

// BERT's tokenizer (Devlin et al. 2019): control characters are dropped, the text is cut at white
// space and around punctuation, and each word is covered from its start by the longest pieces of
// the vocabulary, "##" before all but the first; a word that cannot be is [UNK].
class WordPiece {
 public:
  struct Options {
    bool lower_case = true;
    bool strip_accents = true;  // canonical decomposition without nonspacing marks
    bool chinese_words = true;  // each CJK ideograph is a word
  };
  WordPiece(const TokenizerDescription& description, Options options);

  // Appends the ids of a valid UTF-8 text.
  void encode(std::string_view text, std::vector<std::int32_t>& ids);
  // The same for one word, already normalised and not empty.
  void encode_word(std::string_view word, std::vector<std::int32_t>& ids);

 private:
  struct Mark {
    char32_t code_point;
    int combining_class;
  };
  void add_character(char32_t code_point, std::vector<std::int32_t>& ids);
  void add_cleaned(char32_t code_point, std::vector<std::int32_t>& ids);
  void add_marks(std::vector<std::int32_t>& ids);
  void end_word(std::vector<std::int32_t>& ids);
  std::vector<std::int32_t> cover(std::string_view word) const;

  Vocabulary vocabulary_;
  Options options_;
  std::int32_t unknown_;
  std::string prefix_;
  std::ptrdiff_t longest_word_;
  WordCache words_;
  std::string word_;         // the word being read
  std::vector<Mark> marks_;  // combining characters not yet in canonical order
};

}  // namespace runner::data
