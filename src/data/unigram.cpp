#include "data/unigram.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "data/unicode.hpp"

namespace runner::data {

Unigram::Unigram(const TokenizerDescription& description)
    : vocabulary_(description.vocabulary),
      scores_(description.scores),
      unknown_(description.unknown),
      unknown_score_(std::ranges::min(scores_) - 10.0) {
  sorted_.reserve(vocabulary_.size());
  for (const auto& [piece, id] : vocabulary_) {
    if (!piece.empty()) sorted_.push_back({piece, id});
  }
  std::ranges::sort(sorted_, {}, &Entry::piece);
  for (const Entry& entry : sorted_) ++first_[static_cast<std::uint8_t>(entry.piece[0]) + 1u];
  for (std::size_t byte = 0; byte < 256; ++byte) first_[byte + 1] += first_[byte];
}

std::vector<std::int32_t> Unigram::best_path(std::string_view word) const {
  struct Node {
    std::int32_t id = 0;
    double score = 0.0;         // of the best path that ends here
    std::ptrdiff_t begin = -1;  // of its last piece; -1: no path yet
  };
  std::vector<Node> ends(word.size() + 1);  // by where the path ends, in bytes
  const auto consider = [&](std::size_t begin, std::size_t end, std::int32_t id, double score) {
    Node& node = ends[end];
    if (node.begin >= 0 && score <= node.score) return;
    node = {id, score, static_cast<std::ptrdiff_t>(begin)};
  };
  for (std::size_t begin = 0; begin < word.size();) {
    std::size_t character_end = begin;
    unicode::decode(word, character_end);
    bool character_known = false;
    // The pieces that begin with what was read so far are [low, high): it narrows byte by byte.
    const auto byte = static_cast<std::uint8_t>(word[begin]);
    auto low = sorted_.begin() + static_cast<std::ptrdiff_t>(first_[byte]);
    auto high = sorted_.begin() + static_cast<std::ptrdiff_t>(first_[byte + 1u]);
    for (std::size_t length = 1; low != high; ++length) {
      if (low->piece.size() == length) {
        const std::size_t end = begin + length;
        consider(begin, end, low->id,
                 scores_[static_cast<std::size_t>(low->id)] + ends[begin].score);
        character_known |= end == character_end;
        ++low;
      }
      if (begin + length == word.size()) break;
      const auto next = static_cast<std::uint8_t>(word[begin + length]);
      const auto at_length = [length](const Entry& entry) {
        return static_cast<std::uint8_t>(entry.piece[length]);
      };
      std::tie(low, high) = [&] {
        const auto range = std::ranges::equal_range(low, high, next, {}, at_length);
        return std::pair(range.begin(), range.end());
      }();
    }
    if (!character_known) {
      consider(begin, character_end, unknown_, unknown_score_ + ends[begin].score);
    }
    begin = character_end;
  }

  std::vector<std::int32_t> ids;
  const auto id_of = [&](std::size_t begin, std::size_t end) {
    const auto found = vocabulary_.find(word.substr(begin, end - begin));
    return found != vocabulary_.end() ? found->second : unknown_;
  };
  for (std::size_t end = word.size(); end > 0;) {
    std::size_t begin = static_cast<std::size_t>(ends[end].begin);
    if (ends[end].id != unknown_) {
      ids.push_back(ends[end].id);
    } else {
      while (begin > 0 && ends[begin].id == unknown_) {
        begin = static_cast<std::size_t>(ends[begin].begin);
      }
      ids.push_back(id_of(begin, end));
    }
    end = begin;
  }
  std::ranges::reverse(ids);
  return ids;
}

void Unigram::encode_word(std::string_view word, std::vector<std::int32_t>& ids) {
  if (const auto known = words_.find(word); known != words_.end()) {
    ids.insert(ids.end(), known->second.begin(), known->second.end());
    return;
  }
  std::vector<std::int32_t> pieces = best_path(word);
  ids.insert(ids.end(), pieces.begin(), pieces.end());
  if (word.size() <= kLongestCachedWord && words_.size() < kMostCachedWords) {
    words_.emplace(word, std::move(pieces));
  }
}

}  // namespace runner::data
