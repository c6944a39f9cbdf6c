#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/vocabulary.hpp"
#include "io/json.hpp"

namespace runner::data {

// A token that is found in the text itself, before words are made of it.
struct AddedToken {
  std::string content;
  std::int32_t id = kNoId;
  bool special = false;
  bool normalized = false;   // found in the normalised text; else in the text as it came
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // and after it
  bool single_word = false;  // only where no word character is next to it
  static constexpr std::int32_t kNoId = -1;  // the vocabulary's, else the next one that is free
};

// Two tokens and what they become; the earlier in the list, the sooner.
struct Merge {
  std::int32_t left, right, product;
};

// A tokenizer as its folder's files describe it, whichever files those are. The parts are
// tokenizer.json's, which is where the names of their kinds and keys come from.
struct TokenizerDescription {
  enum class Model { bpe, wordpiece, unigram };

  std::string name;  // the file that most of it comes from, for messages
  io::Json normalizer, pre_tokenizer, post_processor;  // null: none
  Model model = Model::bpe;
  Vocabulary vocabulary;
  std::int32_t unknown = AddedToken::kNoId;  // the id of what the model cannot write
  std::vector<Merge> merges;                 // bpe
  bool ignore_merges = false;                // bpe: a word that is a token stays whole
  std::string prefix = "##";                 // wordpiece: of all pieces but a word's first
  int longest_word = 100;                    // wordpiece: in characters
  std::vector<double> scores;                // unigram: log-probabilities, by id
  std::vector<AddedToken> added;
  // A hash of what the files say, as far as the ids depend on it.
  std::string content_hash;
};

// A token's id in the vocabulary or among the added ones; kNoId where it is in neither.
std::int32_t find_id(const TokenizerDescription& description, std::string_view token);

// Adds a token as the tokenizers package does: one that is there keeps its id and gets these
// settings, a new one without an id gets the next that is free. Throws InputError "PLACE: ..." when
// it has another id than it is given here, or when another token has that id.
void add_token(TokenizerDescription& description, AddedToken token, std::string_view place);

}  // namespace runner::data
