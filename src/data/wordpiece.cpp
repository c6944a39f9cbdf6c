#include "data/wordpiece.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "data/unicode.hpp"

namespace runner::data {
namespace {

enum class Kind : std::uint8_t { removed, space, punctuation, letter };

constexpr std::array<Kind, 128> kAsciiKinds = [] {
  std::array<Kind, 128> kinds;
  for (unsigned c = 0; c < 128; ++c) {
    const bool alphanumeric =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    kinds[c] = c == ' ' || c == '\t' || c == '\n' || c == '\r' ? Kind::space
               : c < 32 || c == 127                            ? Kind::removed
               : alphanumeric                                  ? Kind::letter
                                                               : Kind::punctuation;
  }
  return kinds;
}();

bool continues_character(char byte) { return (static_cast<std::uint8_t>(byte) & 0xC0) == 0x80; }

}  // namespace

WordPiece::WordPiece(const TokenizerDescription& description, Options options)
    : vocabulary_(description.vocabulary),
      options_(options),
      unknown_(description.unknown),
      prefix_(description.prefix),
      longest_word_(description.longest_word) {}

// The ids of one word, already normalised and not empty.
std::vector<std::int32_t> WordPiece::cover(std::string_view word) const {
  const auto characters = std::ranges::count_if(word, std::not_fn(continues_character));
  if (characters > longest_word_) return {unknown_};
  std::vector<std::int32_t> ids;
  std::string piece;
  for (std::size_t begin = 0; begin < word.size();) {
    piece = begin == 0 ? "" : prefix_;
    const std::size_t prefix = piece.size();
    piece += word.substr(begin);
    auto found = vocabulary_.find(piece);
    while (found == vocabulary_.end()) {
      while (continues_character(piece.back())) piece.pop_back();
      piece.pop_back();
      if (piece.size() == prefix) return {unknown_};
      found = vocabulary_.find(piece);
    }
    ids.push_back(found->second);
    begin += piece.size() - prefix;
  }
  return ids;
}

void WordPiece::encode_word(std::string_view word, std::vector<std::int32_t>& ids) {
  if (const auto known = words_.find(word); known != words_.end()) {
    ids.insert(ids.end(), known->second.begin(), known->second.end());
    return;
  }
  std::vector<std::int32_t> pieces = cover(word);
  ids.insert(ids.end(), pieces.begin(), pieces.end());
  if (word.size() <= kLongestCachedWord && words_.size() < kMostCachedWords) {
    words_.emplace(word, std::move(pieces));
  }
}

void WordPiece::end_word(std::vector<std::int32_t>& ids) {
  if (word_.empty()) return;
  encode_word(word_, ids);
  word_.clear();
}

// A character after clean-up and decomposition, in its final place.
void WordPiece::add_cleaned(char32_t code_point, std::vector<std::int32_t>& ids) {
  if (options_.strip_accents && unicode::is_nonspacing(code_point)) return;
  char32_t buffer[2] = {code_point, 0};
  std::u32string_view out(buffer, 1);
  if (options_.lower_case) out = unicode::lower(code_point, buffer);
  for (const char32_t c : out) {
    if (unicode::is_punctuation(c)) {
      end_word(ids);
      unicode::append(word_, c);
      end_word(ids);
    } else {
      unicode::append(word_, c);
    }
  }
}

// Canonical ordering: combining characters between two starters, sorted by class.
void WordPiece::add_marks(std::vector<std::int32_t>& ids) {
  std::ranges::stable_sort(marks_, {}, &Mark::combining_class);
  for (const Mark& mark : marks_) add_cleaned(mark.code_point, ids);
  marks_.clear();
}

void WordPiece::add_character(char32_t code_point, std::vector<std::int32_t>& ids) {
  if (unicode::is_removed(code_point)) return;
  if (unicode::is_space(code_point)) {
    add_marks(ids);
    end_word(ids);
    return;
  }
  const bool alone = options_.chinese_words && unicode::is_chinese(code_point);
  if (alone) {
    add_marks(ids);
    end_word(ids);
  }
  if (options_.strip_accents) {
    char32_t buffer[4];
    for (const char32_t c : unicode::decompose(code_point, buffer)) {
      const int combining_class = unicode::combining_class(c);
      if (combining_class > 0) {
        marks_.push_back({c, combining_class});
      } else {
        add_marks(ids);
        add_cleaned(c, ids);
      }
    }
  } else {
    add_cleaned(code_point, ids);
  }
  if (alone) {
    add_marks(ids);
    end_word(ids);
  }
}

void WordPiece::encode(std::string_view text, std::vector<std::int32_t>& ids) {
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (static_cast<std::uint8_t>(c) >= 128) {
      add_character(unicode::decode(text, at), ids);
      continue;
    }
    ++at;
    const Kind kind = kAsciiKinds[static_cast<std::uint8_t>(c)];
    if (kind == Kind::removed) continue;
    if (!marks_.empty()) add_marks(ids);
    if (kind == Kind::letter) {
      word_ += options_.lower_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      continue;
    }
    end_word(ids);
    if (kind == Kind::punctuation) {
      word_ += c;
      end_word(ids);
    }
  }
  add_marks(ids);
  end_word(ids);
}

}  // namespace runner::data
