#include "data/bpe.hpp"

#include <algorithm>
#include <optional>
#include <queue>
#include <utility>

#include "data/unicode.hpp"

namespace runner::data {

std::array<std::string, 256> byte_names() {
  std::array<std::string, 256> names;
  char32_t next = 0x100;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    unicode::append(names[byte], printable ? byte : next++);
  }
  return names;
}

namespace {

// The bytes that a token of the vocabulary writes; nothing where it writes none.
std::optional<std::string> bytes_of(std::string_view token,
                                    const std::array<std::string, 256>& names) {
  std::string bytes;
  for (std::size_t at = 0; at < token.size();) {
    const std::size_t begin = at;
    unicode::decode(token, at);
    const auto name = std::ranges::find(names, token.substr(begin, at - begin));
    if (name == names.end()) return std::nullopt;
    bytes += static_cast<char>(name - names.begin());
  }
  return bytes;
}

enum class Kind : std::uint8_t { letter, number, space, other };

constexpr std::array<Kind, 128> kAsciiKinds = [] {
  std::array<Kind, 128> kinds;
  for (unsigned c = 0; c < 128; ++c) {
    kinds[c] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? Kind::letter
               : c >= '0' && c <= '9'                           ? Kind::number
               : c == ' ' || (c >= '\t' && c <= '\r')           ? Kind::space
                                                                : Kind::other;
  }
  return kinds;
}();

// The kind of the character at text[at], and its end in `at`.
Kind take_kind(std::string_view text, std::size_t& at) {
  const auto byte = static_cast<std::uint8_t>(text[at]);
  if (byte < 128) {
    ++at;
    return kAsciiKinds[byte];
  }
  const char32_t c = unicode::decode(text, at);
  return unicode::is_letter(c)   ? Kind::letter
         : unicode::is_number(c) ? Kind::number
         : unicode::is_space(c)  ? Kind::space
                                 : Kind::other;
}

// Length of 's 't 're 've 'm 'll 'd at the start of the text; 0: none of them is there.
std::size_t contraction(std::string_view text) {
  if (text.size() < 2 || text[0] != '\'') return 0;
  switch (text[1]) {
    case 's':
    case 't':
    case 'm':
    case 'd':
      return 2;
    case 'r':
    case 'v':
      return text.size() > 2 && text[2] == 'e' ? 3 : 0;
    case 'l':
      return text.size() > 2 && text[2] == 'l' ? 3 : 0;
    default:
      return 0;
  }
}

std::uint64_t pair_key(std::int32_t left, std::int32_t right) {
  return (std::uint64_t{static_cast<std::uint32_t>(left)} << 32) |
         static_cast<std::uint32_t>(right);
}

}  // namespace

std::size_t byte_level_word_end(std::string_view text, std::size_t begin) {
  if (const std::size_t length = contraction(text.substr(begin)); length > 0) return begin + length;
  std::size_t at = begin;
  Kind kind = take_kind(text, at);
  if (kind == Kind::space) {
    // White space up to, but without, its last character when a word follows; a single one stays
    // alone, unless it is a blank, which opens that word.
    std::size_t last = begin, end = at;
    while (end < text.size()) {
      std::size_t next = end;
      kind = take_kind(text, next);
      if (kind != Kind::space) break;
      last = end;
      end = next;
    }
    if (end == text.size()) return end;
    if (last > begin) return last;
    if (text[begin] != ' ') return end;
    at = end;
    kind = take_kind(text, at);
  }
  while (at < text.size()) {
    std::size_t next = at;
    if (take_kind(text, next) != kind) break;
    at = next;
  }
  return at;
}

BytePairEncoding::BytePairEncoding(const TokenizerDescription& description)
    : unknown_(description.unknown) {
  const auto names = byte_names();
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const auto found = description.vocabulary.find(names[byte]);
    byte_ids_[byte] = found != description.vocabulary.end() ? found->second : -1;
  }
  merges_.reserve(description.merges.size());
  std::int32_t rank = 0;
  for (const auto& [left, right, product] : description.merges) {
    merges_[pair_key(left, right)] = {rank++, product};
  }
  if (!description.ignore_merges) return;
  for (const auto& [token, id] : description.vocabulary) {
    if (auto word = bytes_of(token, names)) whole_words_.emplace(std::move(*word), id);
  }
}

const BytePairEncoding::Merge* BytePairEncoding::find_merge(std::int32_t left,
                                                            std::int32_t right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found != merges_.end() ? &found->second : nullptr;
}

std::vector<std::int32_t> BytePairEncoding::merge_word(std::string_view word) const {
  if (const auto whole = whole_words_.find(word); whole != whole_words_.end()) {
    return {whole->second};
  }
  // The symbols are a linked list in which a merge keeps the left one; the pairs wait in a heap by
  // rank, then place. A pair whose parts have changed since is known by its product.
  struct Symbol {
    std::int32_t id;  // -1: merged into its left neighbour
    int previous, next;
  };
  struct Candidate {
    Merge merge;
    int left;
    bool operator>(const Candidate& other) const {
      return std::pair(merge.rank, left) > std::pair(other.merge.rank, other.left);
    }
  };
  std::vector<Symbol> symbols;
  for (const char c : word) {
    const std::int32_t known = byte_ids_[static_cast<std::uint8_t>(c)];
    const std::int32_t id = known >= 0 ? known : unknown_;
    const int place = static_cast<int>(symbols.size());
    if (id >= 0) symbols.push_back({id, place - 1, place + 1});
  }
  const auto symbol = [&](int i) -> Symbol& { return symbols[static_cast<std::size_t>(i)]; };
  const int size = static_cast<int>(symbols.size());

  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> heap;
  const auto consider = [&](int left) {
    if (left < 0 || symbol(left).next == size) return;
    const Merge* merge = find_merge(symbol(left).id, symbol(symbol(left).next).id);
    if (merge != nullptr) heap.push({*merge, left});
  };
  for (int i = 0; i < size; ++i) consider(i);
  while (!heap.empty()) {
    const auto [merge, left] = heap.top();
    heap.pop();
    if (symbol(left).id < 0 || symbol(left).next == size) continue;
    const int right = symbol(left).next;
    const Merge* still = find_merge(symbol(left).id, symbol(right).id);
    if (still == nullptr || still->id != merge.id) continue;
    symbol(left).id = merge.id;
    symbol(left).next = symbol(right).next;
    symbol(right).id = -1;
    if (symbol(left).next < size) symbol(symbol(left).next).previous = left;
    consider(symbol(left).previous);
    consider(left);
  }

  std::vector<std::int32_t> ids;
  for (const Symbol& s : symbols) {
    if (s.id >= 0) ids.push_back(s.id);
  }
  return ids;
}

void BytePairEncoding::encode_word(std::string_view word, std::vector<std::int32_t>& ids) {
  if (const auto known = words_.find(word); known != words_.end()) {
    ids.insert(ids.end(), known->second.begin(), known->second.end());
    return;
  }
  std::vector<std::int32_t> merged = merge_word(word);
  ids.insert(ids.end(), merged.begin(), merged.end());
  if (word.size() <= kLongestCachedWord && words_.size() < kMostCachedWords) {
    words_.emplace(word, std::move(merged));
  }
}

void BytePairEncoding::encode(std::string_view text, std::vector<std::int32_t>& ids) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = byte_level_word_end(text, begin);
    encode_word(text.substr(begin, end - begin), ids);
    begin = end;
  }
}

}  // namespace runner::data
