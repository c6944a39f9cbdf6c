#pragma once

#include <array>
#include <climits>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer_description.hpp"

namespace runner::data {

// The tokens that have a part to play, in transformers' order.
inline constexpr std::array<std::string_view, 7> kNamedTokens = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};
enum class NamedToken : std::uint8_t { bos, eos, unk, sep, pad, cls, mask };

// What a folder says about its tokenizer outside the vocabulary: tokenizer_config.json, and from
// older versions special_tokens_map.json and added_tokens.json.
struct TokenizerConfig {
  std::string name;             // tokenizer_config.json's path, for messages
  std::string tokenizer_class;  // without "Fast"; empty: not said
  std::array<std::optional<AddedToken>, kNamedTokens.size()> named;
  // Those of `named` that are given as a mere string, whose settings their family decides.
  std::array<bool, kNamedTokens.size()> plain{};
  std::vector<AddedToken> added;  // with ids, ascending; they go before what a tokenizer.json says
  std::vector<AddedToken> older;  // of added_tokens.json, with ids; they go after it
  std::vector<AddedToken> extra;  // without ids
  // Not given, or the value: changes to the vocabulary files' defaults, or to a tokenizer.json.
  std::optional<bool> lower_case, chinese_words, prefix_space;
  std::optional<std::optional<bool>> strip_accents;  // null: as lower_case
  bool split_special_tokens = false;                 // special tokens in a text are text
  bool cut_left = false;                             // what is too long is cut at its begin
  int max_length = INT_MAX;
  std::vector<std::string> notes;  // what is left aside, a sentence each
};

// Throws InputError naming file, key and value of what is malformed or not supported.
TokenizerConfig read_tokenizer_config(const std::filesystem::path& folder);

// An added token as JSON has it: a string, or an object of its settings. Throws InputError
// "PLACE: ...".
AddedToken read_added_token(const io::Json& json, const std::string& place);

}  // namespace runner::data
