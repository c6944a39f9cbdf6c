#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/tokenizer_description.hpp"

namespace runner::data {

// One reader per format of file, all to the same description. Each throws InputError naming the
// file and what is wrong with it.

// tokenizer.json of the tokenizers package: all of it, added tokens included.
TokenizerDescription read_tokenizer_json(const std::filesystem::path& path);

// Byte-level BPE from vocab.json and merges.txt: the model and its pre-tokeniser.
TokenizerDescription read_bpe_files(const std::filesystem::path& folder);

// WordPiece from vocab.txt: the model, BERT's normaliser and its pre-tokeniser.
TokenizerDescription read_wordpiece_file(const std::filesystem::path& folder,
                                         std::string_view unknown);

// A SentencePiece model of type unigram, by SentencePiece's library.
struct SentencePieceFile {
  struct Piece {
    std::string text;
    double score;
    enum class Kind { plain, unknown, control, user_defined } kind;
  };
  std::vector<Piece> pieces;
  std::string charsmap;      // the normaliser's precompiled map; empty: none
  std::string content_hash;  // of the file
};
SentencePieceFile read_sentencepiece(const std::filesystem::path& path);

}  // namespace runner::data
