#pragma once

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer_description.hpp"

namespace runner::data {

// Finds added tokens in texts: of those that begin at one place the longest, left to right.
class AddedTokenFinder {
 public:
  AddedTokenFinder() = default;
  // `tokens` need content.
  explicit AddedTokenFinder(std::vector<AddedToken> tokens);

  bool empty() const { return tokens_.empty(); }

  // Calls `plain` with each stretch of the valid UTF-8 text that belongs to no token, and `found`
  // with each token's id, in the text's order; no stretch is empty.
  template <typename Plain, typename Found>
  void split(std::string_view text, Plain plain, Found found) const {
    std::size_t begin = 0;
    for (Match match; next(text, begin, match);) {
      if (match.begin > begin) plain(text.substr(begin, match.begin - begin));
      found(match.token->id);
      begin = match.end;
    }
    if (begin < text.size()) plain(text.substr(begin));
  }

 private:
  struct Match {
    const AddedToken* token = nullptr;
    std::size_t begin = 0, end = 0;  // white space included that the token takes
    std::size_t searched = 0;        // where the search goes on
  };
  // The first token after the one in `match`; `begin`: the end of what is already taken.
  bool next(std::string_view text, std::size_t begin, Match& match) const;
  const AddedToken* token_at(std::string_view text) const;

  std::vector<AddedToken> tokens_;        // by first byte, the longest first
  std::array<std::size_t, 257> first_{};  // tokens_[first_[b], first_[b + 1]) begin with b
  std::string first_bytes_;               // each once
};

}  // namespace runner::data
