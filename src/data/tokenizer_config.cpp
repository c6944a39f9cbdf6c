#include "data/tokenizer_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "data/components.hpp"
#include "io/error.hpp"
#include "io/json.hpp"

namespace runner::data {
namespace fs = std::filesystem;
namespace {

// Keys of tokenizer_config.json that change no id.
constexpr std::string_view kWithoutEffect[] = {
    "auto_map",
    "backend",
    "chat_template",
    "clean_up_tokenization_spaces",
    "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output",
    "errors",
    "files_loaded",
    "from_slow",
    "full_tokenizer_file",
    "is_local",
    "legacy",
    "local_files_only",
    "max_length",
    "model_input_names",
    "model_type",
    "name_or_path",
    "never_split",
    "pad_to_multiple_of",
    "pad_token_type_id",
    "processor_class",
    "special_tokens_map_file",
    "stride",
    "tokenizer_file",
    "transformers_version",
    "trim_offsets",
    "truncation_strategy",
    "unk_id",
    "use_fast",
    "vocab_file",
    "wordpieces_prefix"};

// Keys that would change ids if they had another value than this.
struct Fixed {
  std::string_view key;
  std::string_view value;  // as JSON
};
constexpr Fixed kFixed[] = {{"padding_side", "\"right\""},
                            {"do_basic_tokenize", "true"},
                            {"sp_model_kwargs", "{}"},
                            {"add_bos_token", "null"},
                            {"add_eos_token", "null"}};

void read_named(TokenizerConfig& config, std::string_view key, const io::Json& value,
                const std::string& place) {
  const auto index =
      static_cast<std::size_t>(std::ranges::find(kNamedTokens, key) - kNamedTokens.begin());
  config.named[index] = read_added_token(value, place);
  config.plain[index] = value.is_string();
}

// A list of tokens, or an object of names and tokens; both are special.
void read_extra(TokenizerConfig& config, const io::Json& value, const std::string& place) {
  if (!value.is_array() && !value.is_object()) {
    throw InputError(fmt::format("{}: {} is no list of tokens", place, value.dump()));
  }
  for (const io::Json& item : value) {
    AddedToken token = read_added_token(item, place);
    token.special = true;
    config.extra.push_back(std::move(token));
  }
}

std::int32_t read_id(const io::Json& value, const std::string& place) {
  const auto id = token_id(value);
  if (!id) throw InputError(fmt::format("{}: {} is not an id", place, value.dump()));
  return *id;
}

void read_decoder(TokenizerConfig& config, const io::Json& decoder) {
  const std::string place = config.name + ": added_tokens_decoder";
  if (!decoder.is_object()) throw InputError(place + ": not a JSON object");
  for (const auto& [key, value] : decoder.items()) {
    AddedToken token = read_added_token(value, place);
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token.id);
    if (error != std::errc() || end != key.data() + key.size() || token.id < 0) {
      throw InputError(fmt::format("{}: '{}' is not an id", place, key));
    }
    config.added.push_back(std::move(token));
  }
  std::ranges::sort(config.added, {}, &AddedToken::id);
}

// A flag with three values: not given, null, or true or false.
std::optional<std::optional<bool>> read_flag(Component& keys, const io::Json& json,
                                             const char* key) {
  if (!json.contains(key)) return std::nullopt;
  if (keys.value(key).is_null()) return std::optional<std::optional<bool>>(std::in_place);
  return std::optional<bool>(keys.flag(key, false));
}

int read_max_length(Component& keys) {
  for (const char* key : {"model_max_length", "max_len"}) {
    const io::Json& value = keys.value(key);
    if (value.is_null()) continue;
    // "No limit" is 1e30.
    if (!value.is_number() || !(value.get<double>() >= 1.0)) keys.refuse(key, "1 or more");
    return static_cast<int>(std::min<double>(value.get<double>(), INT_MAX));
  }
  return INT_MAX;
}

// Whether added_tokens_decoder is there.
bool read_main(TokenizerConfig& config, const io::Json& json) {
  Component keys(json, config.name);
  config.tokenizer_class = keys.text("tokenizer_class", "");
  if (config.tokenizer_class.ends_with("Fast")) {
    config.tokenizer_class.resize(config.tokenizer_class.size() - 4);
  }
  const auto given = [&](const char* key) {
    return read_flag(keys, json, key).value_or(std::nullopt);
  };
  config.lower_case = given("do_lower_case");
  config.chinese_words = given("tokenize_chinese_chars");
  config.prefix_space = given("add_prefix_space");
  config.strip_accents = read_flag(keys, json, "strip_accents");
  config.split_special_tokens = keys.flag("split_special_tokens", false);
  const std::string side = keys.text("truncation_side", "right");
  if (side != "left" && side != "right") keys.refuse("truncation_side", "left or right");
  config.cut_left = side == "left";
  config.max_length = read_max_length(keys);
  for (const Fixed& fixed : kFixed) {
    const io::Json& value = keys.value(fixed.key.data());
    if (!value.is_null() && value.dump() != fixed.value) {
      throw InputError(fmt::format("{}: {}: {} is not supported, only {}", config.name, fixed.key,
                                   value.dump(), fixed.value));
    }
  }
  static constexpr std::string_view kRead[] = {
      "tokenizer_class", "do_lower_case",       "tokenize_chinese_chars", "add_prefix_space",
      "strip_accents",   "truncation_side",     "split_special_tokens",   "model_max_length",
      "max_len",         "added_tokens_decoder"};
  for (const auto& [key, value] : json.items()) {
    const auto in = [&](const auto& list) {
      return std::ranges::find(list, key) != std::end(list);
    };
    const std::string place = fmt::format("{}: {}", config.name, key);
    if (value.is_null() || in(kRead) || in(kWithoutEffect) ||
        std::ranges::find(kFixed, key, &Fixed::key) != std::end(kFixed)) {
      continue;
    }
    if (in(kNamedTokens)) {
      read_named(config, key, value, place);
    } else if (key == "extra_special_tokens" || key == "additional_special_tokens") {
      read_extra(config, value, place);
    } else if (key.ends_with("_token") && (value.is_string() || value.is_object())) {
      read_extra(config, io::Json::array({value}), place);
    } else {
      config.notes.push_back(
          fmt::format("{}: nothing is known of '{}': it is left aside", config.name, key));
    }
  }
  const auto decoder = json.find("added_tokens_decoder");
  if (decoder == json.end() || decoder->is_null()) return false;
  read_decoder(config, *decoder);
  return true;
}

void read_special_tokens_map(TokenizerConfig& config, const fs::path& path) {
  const io::Json json = io::read_json_object(path);
  for (const auto& [key, value] : json.items()) {
    const std::string place = fmt::format("{}: {}", path.string(), key);
    if (value.is_null()) continue;
    if (std::ranges::find(kNamedTokens, key) != kNamedTokens.end()) {
      read_named(config, key, value, place);
    } else if (key == "additional_special_tokens" || key == "extra_special_tokens") {
      read_extra(config, value, place);
    } else if (key.ends_with("_token")) {
      read_extra(config, io::Json::array({value}), place);
    } else {
      throw InputError(fmt::format("{} is not supported", place));
    }
  }
}

void read_added_tokens(TokenizerConfig& config, const fs::path& path) {
  const auto special = [&](const std::string& content) {
    const auto is = [&](const AddedToken& token) { return token.content == content; };
    return std::ranges::any_of(config.extra, is) ||
           std::ranges::any_of(config.named, [&](const auto& t) { return t && is(*t); });
  };
  const io::Json json = io::read_json_object(path);
  for (const auto& [content, id] : json.items()) {
    const std::string place = fmt::format("{}: '{}'", path.string(), content);
    AddedToken token{.content = content, .id = read_id(id, place)};
    token.special = special(content);
    token.normalized = !token.special;
    config.older.push_back(std::move(token));
  }
  std::ranges::sort(config.older, {}, &AddedToken::id);
}

}  // namespace

AddedToken read_added_token(const io::Json& json, const std::string& place) {
  AddedToken token;
  if (json.is_string()) {
    token.content = json.get<std::string>();
    token.special = true;
    return token;
  }
  Component keys(json, place);
  token.content = keys.text("content", "");
  if (token.content.empty()) keys.refuse("content", "a token");
  if (const io::Json& id = keys.value("id"); !id.is_null()) token.id = read_id(id, place);
  token.special = keys.flag("special", false);
  token.normalized = keys.flag("normalized", !token.special);
  token.lstrip = keys.flag("lstrip", false);
  token.rstrip = keys.flag("rstrip", false);
  token.single_word = keys.flag("single_word", false);
  keys.ignore("__type");
  keys.finish();
  return token;
}

TokenizerConfig read_tokenizer_config(const fs::path& folder) {
  TokenizerConfig config;
  config.name = (folder / "tokenizer_config.json").string();
  // As transformers does it: these two are of versions that did not write added_tokens_decoder.
  if (!read_main(config, io::read_json_object(config.name))) {
    read_special_tokens_map(config, folder / "special_tokens_map.json");
    read_added_tokens(config, folder / "added_tokens.json");
  }
  return config;
}

}  // namespace runner::data
