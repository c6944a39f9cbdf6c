#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace runner::mini {

// A byte-level BPE learnt from text (Sennrich, Haddow, Birch 2016), in GPT-2's spelling.
struct LearntBpe {
  std::vector<std::string> tokens;  // by id: 4 specials, the bytes, merges in order, <mask>
  std::vector<std::pair<std::string, std::string>> merges;
  std::map<std::string, std::vector<std::string>> words;  // "\u0120dog" -> its tokens
};

// `text`: ASCII sentences, one a line. Ties go to the smaller pair, so the result is unique.
LearntBpe learn_bpe(const std::string& text, std::size_t merges);

std::string vocab_json(const LearntBpe& bpe);
std::string merges_txt(const LearntBpe& bpe);

}  // namespace runner::mini
