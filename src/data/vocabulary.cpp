#include "data/vocabulary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "io/error.hpp"
#include "io/json.hpp"

namespace runner::data {

std::optional<std::int32_t> token_id(const io::Json& value) {
  const auto id = io::whole_number<std::int32_t>(value);
  return id && *id >= 0 && *id < std::numeric_limits<std::int32_t>::max() ? id : std::nullopt;
}

Vocabulary read_vocab(const io::Json& json, std::string_view name) {
  if (!json.is_object() || json.empty()) {
    throw InputError(fmt::format("{}: not a JSON object of tokens and their ids", name));
  }
  Vocabulary vocabulary;
  vocabulary.reserve(json.size());
  for (const auto& [token, id] : json.items()) {
    const auto number = token_id(id);
    if (!number) {
      throw InputError(fmt::format("{}: token '{}': {} is not an id", name, token, id.dump()));
    }
    vocabulary.emplace(token, *number);
  }
  std::vector<const Vocabulary::value_type*> by_id;
  by_id.reserve(vocabulary.size());
  for (const auto& entry : vocabulary) by_id.push_back(&entry);
  const auto id_of = [](const auto* entry) { return entry->second; };
  std::ranges::sort(by_id, {}, id_of);
  const auto twice = std::ranges::adjacent_find(by_id, {}, id_of);
  if (twice != by_id.end()) {
    const auto& [one, other] = std::minmax(twice[0]->first, twice[1]->first);
    throw InputError(fmt::format("{}: the tokens '{}' and '{}' have the same id {}", name, one,
                                 other, twice[0]->second));
  }
  return vocabulary;
}

Vocabulary read_vocab_txt(std::string_view bytes, std::string_view name) {
  Vocabulary vocabulary;
  std::int32_t id = 0;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    std::string_view token = bytes.substr(0, end);
    if (token.ends_with('\r')) token.remove_suffix(1);
    const auto [entry, fresh] = vocabulary.emplace(token, id);
    if (!fresh && !token.empty()) {
      throw InputError(fmt::format("{}:{}: the token '{}' stands on line {} already", name, id + 1,
                                   token, entry->second + 1));
    }
    ++id;
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
  }
  if (vocabulary.empty()) throw InputError(fmt::format("{}: the file is empty", name));
  return vocabulary;
}

std::int32_t require_token(const Vocabulary& vocabulary, std::string_view token,
                           std::string_view name) {
  const auto found = vocabulary.find(token);
  if (found == vocabulary.end()) throw InputError(fmt::format("{}: no token '{}'", name, token));
  return found->second;
}

}  // namespace runner::data
