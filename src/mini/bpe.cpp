#include "mini/bpe.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "data/bpe.hpp"

namespace runner::mini {

namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The pre-tokens of a line: an optional space (spelt U+0120) and a run of letters or of marks.
std::vector<std::vector<std::string>> pre_tokens(const std::string& line) {
  std::vector<std::vector<std::string>> found;
  for (std::size_t i = 0; i < line.size();) {
    std::vector<std::string> token;
    if (line[i] == ' ') {
      token.push_back("\u0120");
      ++i;
    }
    const std::size_t start = i;
    while (i < line.size() && line[i] != ' ' && is_letter(line[i]) == is_letter(line[start])) {
      token.emplace_back(1, line[i++]);
    }
    found.push_back(token);
  }
  return found;
}

std::string joined(const std::vector<std::string>& pieces) {
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  return text;
}

}  // namespace

LearntBpe learn_bpe(const std::string& text, std::size_t merges) {
  LearntBpe bpe;
  std::map<std::string, int> frequency;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    for (const auto& token : pre_tokens(line)) {
      const std::string word = joined(token);
      bpe.words[word] = token;
      ++frequency[word];
    }
  }
  while (bpe.merges.size() < merges) {
    std::map<std::pair<std::string, std::string>, int> pairs;
    for (const auto& [word, pieces] : bpe.words) {
      for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
        pairs[{pieces[i], pieces[i + 1]}] += frequency[word];
      }
    }
    const std::pair<const std::pair<std::string, std::string>, int>* best = nullptr;
    for (const auto& entry : pairs) {
      if (best == nullptr || entry.second > best->second) best = &entry;
    }
    if (best == nullptr) break;
    const auto [left, right] = best->first;
    bpe.merges.emplace_back(left, right);
    for (auto& [word, pieces] : bpe.words) {
      for (std::size_t i = 0; i + 1 < pieces.size(); ++i) {
        if (pieces[i] != left || pieces[i + 1] != right) continue;
        pieces[i] += right;
        pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      }
    }
  }
  bpe.tokens = {"<s>", "<pad>", "</s>", "<unk>"};
  for (const std::string& byte : data::byte_names()) bpe.tokens.push_back(byte);
  std::set<std::string> known(bpe.tokens.begin(), bpe.tokens.end());
  for (const auto& [left, right] : bpe.merges) {
    if (known.insert(left + right).second) bpe.tokens.push_back(left + right);
  }
  bpe.tokens.push_back("<mask>");
  return bpe;
}

std::string vocab_json(const LearntBpe& bpe) {
  nlohmann::ordered_json vocab;
  for (std::size_t id = 0; id < bpe.tokens.size(); ++id) vocab[bpe.tokens[id]] = id;
  return vocab.dump(-1, ' ', true) + '\n';
}

std::string merges_txt(const LearntBpe& bpe) {
  std::string text = "#version: 0.2\n";
  for (const auto& [left, right] : bpe.merges)
    text.append(left).append(1, ' ').append(right).append(1, '\n');
  return text;
}

}  // namespace runner::mini
