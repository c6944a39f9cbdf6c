#include "data/added_tokens.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "data/unicode.hpp"
#include "io/error.hpp"

namespace runner::data {
namespace {

std::size_t first_byte(const AddedToken& token) {
  return static_cast<std::uint8_t>(token.content[0]);
}

// Where the last character before text[end] begins; end > 0.
std::size_t character_before(std::string_view text, std::size_t end) {
  do {
    --end;
  } while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xC0) == 0x80);
  return end;
}

bool word_before(std::string_view text, std::size_t end) {
  if (end == 0) return false;
  std::size_t at = character_before(text, end);
  return unicode::is_word(unicode::decode(text, at));
}

bool word_after(std::string_view text, std::size_t at) {
  return at < text.size() && unicode::is_word(unicode::decode(text, at));
}

std::size_t spaces_begin(std::string_view text, std::size_t end) {
  while (end > 0) {
    const std::size_t begin = character_before(text, end);
    std::size_t at = begin;
    if (!unicode::is_space(unicode::decode(text, at))) break;
    end = begin;
  }
  return end;
}

std::size_t spaces_end(std::string_view text, std::size_t begin) {
  while (begin < text.size()) {
    std::size_t at = begin;
    if (!unicode::is_space(unicode::decode(text, at))) break;
    begin = at;
  }
  return begin;
}

}  // namespace

std::int32_t find_id(const TokenizerDescription& description, std::string_view token) {
  if (const auto found = description.vocabulary.find(token);
      found != description.vocabulary.end()) {
    return found->second;
  }
  const auto added = std::ranges::find(description.added, token, &AddedToken::content);
  return added != description.added.end() ? added->id : AddedToken::kNoId;
}

void add_token(TokenizerDescription& description, AddedToken token, std::string_view place) {
  if (token.content.empty()) return;
  const std::int32_t there = find_id(description, token.content);
  if (there != AddedToken::kNoId) {
    if (token.id != AddedToken::kNoId && token.id != there) {
      throw InputError(fmt::format("{}: the token '{}' has the id {}, but {} gives it {}", place,
                                   token.content, token.id, description.name, there));
    }
    token.id = there;
  } else {
    const auto size = static_cast<std::int32_t>(description.vocabulary.size());
    std::int32_t next = size;
    for (const AddedToken& other : description.added) next = std::max(next, other.id + 1);
    if (token.id == AddedToken::kNoId) token.id = next;
    const auto same_id = [&](const auto& entry) { return entry.second == token.id; };
    const auto in_vocabulary = token.id < size
                                   ? std::ranges::find_if(description.vocabulary, same_id)
                                   : description.vocabulary.end();
    const auto in_added = std::ranges::find(description.added, token.id, &AddedToken::id);
    if (in_vocabulary != description.vocabulary.end() || in_added != description.added.end()) {
      throw InputError(fmt::format(
          "{}: the tokens '{}' and '{}' have the same id {}", place,
          in_added != description.added.end() ? in_added->content : in_vocabulary->first,
          token.content, token.id));
    }
  }
  const auto same = std::ranges::find(description.added, token.content, &AddedToken::content);
  if (same != description.added.end()) {
    *same = std::move(token);
  } else {
    description.added.push_back(std::move(token));
  }
}

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::ranges::stable_sort(tokens_, [](const AddedToken& a, const AddedToken& b) {
    return std::pair(first_byte(a), b.content.size()) < std::pair(first_byte(b), a.content.size());
  });
  for (const AddedToken& token : tokens_) {
    ++first_[first_byte(token) + 1];
    if (!first_bytes_.ends_with(token.content[0])) first_bytes_ += token.content[0];
  }
  for (std::size_t byte = 0; byte < 256; ++byte) first_[byte + 1] += first_[byte];
}

// The longest token at the start of the text; null: none.
const AddedToken* AddedTokenFinder::token_at(std::string_view text) const {
  const auto byte = static_cast<std::uint8_t>(text[0]);
  for (std::size_t i = first_[byte]; i < first_[byte + 1u]; ++i) {
    if (text.starts_with(tokens_[i].content)) return &tokens_[i];
  }
  return nullptr;
}

bool AddedTokenFinder::next(std::string_view text, std::size_t begin, Match& match) const {
  for (std::size_t at = text.find_first_of(first_bytes_, match.searched);
       at != std::string_view::npos; at = text.find_first_of(first_bytes_, at)) {
    const AddedToken* const token = token_at(text.substr(at));
    if (token == nullptr) {
      ++at;
      continue;
    }
    const std::size_t end = at + token->content.size();
    if (token->single_word && (word_before(text, at) || word_after(text, end))) {
      at = end;
      continue;
    }
    match.token = token;
    match.searched = end;
    match.begin = token->lstrip ? std::max(spaces_begin(text.substr(0, at), at), begin) : at;
    match.end = token->rstrip ? spaces_end(text, end) : end;
    return true;
  }
  return false;
}

}  // namespace runner::data
