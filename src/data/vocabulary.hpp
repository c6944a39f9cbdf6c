#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/json_fwd.hpp"

namespace runner::data {

// Lets a map of strings be asked for a string_view without making a string of it.
struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};

// Tokens as they stand in the vocabulary's file, and their ids.
using Vocabulary = std::unordered_map<std::string, std::int32_t, StringHash, std::equal_to<>>;

// What a tokenizer has made of words so far; text repeats its words.
using WordCache =
    std::unordered_map<std::string, std::vector<std::int32_t>, StringHash, std::equal_to<>>;
inline constexpr std::size_t kMostCachedWords = 1 << 18;
inline constexpr std::size_t kLongestCachedWord = 64;  // bytes

// The id that a JSON value is, from 0 to below 2^31 - 1; nothing where it is anything else.
std::optional<std::int32_t> token_id(const io::Json& value);

// A JSON object of token: id. Throws InputError (name ...) when it is anything else, has no tokens,
// or gives an id twice.
Vocabulary read_vocab(const io::Json& json, std::string_view name);

// One token per line; its id is the line's number from 0. Throws InputError on a token that is
// there twice.
Vocabulary read_vocab_txt(std::string_view bytes, std::string_view name);

// Throws InputError "NAME: no token 'TOKEN'".
std::int32_t require_token(const Vocabulary& vocabulary, std::string_view token,
                           std::string_view name);

}  // namespace runner::data
