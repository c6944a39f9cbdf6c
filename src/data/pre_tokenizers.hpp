#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "data/components.hpp"

namespace runner::data {

// A word to be, or what will be cut into words.
struct Piece {
  std::string text;    // not empty
  bool first = false;  // begins where the text as it came begins
};

// Appends what becomes of one piece.
using PreTokenizer = std::function<void(Piece&&, std::vector<Piece>&)>;

struct PreTokenizers {
  std::vector<PreTokenizer> steps;
  bool bytes = false;  // ByteLevel is among them: the words are bytes, not characters
};

// The steps of tokenizer.json's "pre_tokenizer" (null: none, the whole text is a word). Throws
// InputError naming the kind or key that is not supported.
PreTokenizers make_pre_tokenizers(const io::Json& json, const std::string& place);

}  // namespace runner::data
