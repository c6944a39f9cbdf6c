#include "data/vocabulary.hpp"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "data/json.hpp"
#include "io/error.hpp"

namespace runner::data {

Vocabulary read_vocab_json(std::string_view bytes, std::string_view name) {
  const nlohmann::json json = parse_json(bytes, name);
  if (!json.is_object() || json.empty()) {
    throw InputError(fmt::format("{}: not a JSON object of tokens and their ids", name));
  }
  Vocabulary vocabulary;
  vocabulary.reserve(json.size());
  std::unordered_map<std::int32_t, const std::string*> owners;
  owners.reserve(json.size());
  for (const auto& [token, id] : json.items()) {
    if (!id.is_number_unsigned() ||
        id.get<std::uint64_t>() > std::numeric_limits<std::int32_t>::max()) {
      throw InputError(fmt::format("{}: token '{}': {} is not an id", name, token, id.dump()));
    }
    const auto [entry, fresh] = vocabulary.emplace(token, id.get<std::int32_t>());
    const auto [owner, free] = owners.emplace(entry->second, &entry->first);
    if (!free) {
      throw InputError(fmt::format("{}: the tokens '{}' and '{}' have the same id {}", name,
                                   *owner->second, token, entry->second));
    }
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
