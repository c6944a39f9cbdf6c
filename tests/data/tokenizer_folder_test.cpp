#include "data/tokenizer_folder.hpp"

#include <doctest/doctest.h>

#include <climits>
#include <utility>

#include "data/charsmap.hpp"
#include "data/tokenizer.hpp"
#include "folder.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "places.hpp"

using namespace runner;
using namespace runner::data;

namespace {

using Ids = std::vector<std::int32_t>;
using json = io::Json;

// A tokenizer.json of WordPiece over a few words, to be changed by each test.
json small_file() {
  return json::parse(R"({
    "version": "1.0", "truncation": null, "padding": null, "decoder": {"type": "WordPiece"},
    "added_tokens": [
      {"id": 0, "content": "[UNK]", "special": true, "normalized": false, "lstrip": false,
       "rstrip": false, "single_word": false}],
    "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                   "strip_accents": null, "lowercase": true},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100,
              "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "b": 4, "##b": 5, "A": 6,
                        "é": 7, "e": 8}}})");
}

struct TokenizerJson : Folder {
  json file = small_file();
  Tokenizer load() const {
    write("tokenizer.json", file.dump());
    return Tokenizer::load(path);
  }
  Ids ids(std::string_view a, std::optional<std::string_view> b = std::nullopt) const {
    return load().encode(a, b, 64).ids;
  }
  std::string error() const {
    return error_of([&] { load(); }, path);
  }
};

std::string bytes_of_base64(const std::string& text) { return decode_base64(text).value(); }

}  // namespace

TEST_CASE("each kind of folder gives the ids of transformers and the tokenizers package") {
  const json golden = json::parse(io::read_file(source_dir() / "tests/data/tokenizers.json"));
  REQUIRE(golden["cases"].size() == 13);
  for (const auto& [name, kind] : golden["cases"].items()) {
    CAPTURE(name);
    const Folder folder;
    for (const auto& [file, bytes] : kind["files"].items()) {
      folder.write(file,
                   file.ends_with(".model") ? bytes_of_base64(bytes) : bytes.get<std::string>());
    }
    const Tokenizer tokenizer = Tokenizer::load(folder.path);
    CHECK(tokenizer.notes().empty());
    for (const auto& row : kind["rows"]) {
      CAPTURE(row.dump());
      const auto text = row[0].get<std::vector<std::string>>();
      const std::optional<std::string_view> second =
          text.size() > 1 ? std::optional<std::string_view>(text[1]) : std::nullopt;
      CHECK(tokenizer.encode(text[0], second, 64).ids == row[1].get<Ids>());
    }
  }
}

TEST_CASE("a tokenizer.json alone is enough") {
  const TokenizerJson folder;
  CHECK(folder.ids("Ab É x") == Ids{1, 3, 5, 8, 0, 2});
  const Encoding pair = folder.load().encode("a", "b", 64);
  CHECK(pair.ids == Ids{1, 3, 2, 4, 2});
  CHECK(pair.types == std::vector<std::uint8_t>{0, 0, 0, 1, 1});
}

TEST_CASE("a component, kind or setting that is not supported is named") {
  const auto error_with = [](const char* pointer, const json& value) {
    TokenizerJson folder;
    folder.file[json::json_pointer(pointer)] = value;
    return folder.error();
  };
  CHECK(
      error_with("/normalizer/type", "ByteLevel")
          .starts_with("tokenizer.json: normalizer: type 'ByteLevel' is not supported; supported: "
                       "BertNormalizer, Strip, "));
  CHECK(error_with("/normalizer/more", 1) == "tokenizer.json: normalizer: more is not supported");
  CHECK(error_with("/normalizer/lowercase", 1) ==
        "tokenizer.json: normalizer: lowercase: 1 is not true or false");
  CHECK(error_with("/normalizer", {{"type", "Sequence"}, {"normalizers", {{{"type", "X"}}}}})
            .starts_with("tokenizer.json: normalizer: normalizers[0]: type 'X' is not supported"));
  CHECK(error_with("/normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", "AAAA"}}) ==
        "tokenizer.json: normalizer: not a precompiled character map");
  CHECK(error_with("/normalizer", {{"type", "Precompiled"}, {"precompiled_charsmap", "A*"}}) ==
        "tokenizer.json: normalizer: precompiled_charsmap: \"A*\" is not base 64");
  CHECK(error_with("/normalizer",
                   {{"type", "Replace"}, {"pattern", {{"Regex", "("}}}, {"content", ""}})
            .starts_with("tokenizer.json: normalizer: pattern: Regex: '(': "));
  CHECK(error_with("/pre_tokenizer/type", "UnicodeScripts")
            .starts_with("tokenizer.json: pre_tokenizer: type 'UnicodeScripts' is not supported"));
  CHECK(error_with("/pre_tokenizer", {{"type", "ByteLevel"}}) ==
        "tokenizer.json: pre_tokenizer: ByteLevel is supported before BPE only");
  CHECK(error_with("/pre_tokenizer", {{"type", "Punctuation"}, {"behavior", "Odd"}}) ==
        "tokenizer.json: pre_tokenizer: behavior: \"Odd\" is not one of Removed, Isolated, "
        "MergedWithPrevious, MergedWithNext, Contiguous");
  CHECK(error_with("/post_processor/sep", {"[SEP]"}) ==
        "tokenizer.json: post_processor: sep is not [TOKEN, ID]");
  CHECK(error_with("/model/type", "WordLevel")
            .starts_with("tokenizer.json: model: type 'WordLevel' is not supported"));
  CHECK(error_with("/model/dropout", 0.1) == "tokenizer.json: model: dropout is not supported");
  CHECK(error_with("/model/unk_token", "?") == "tokenizer.json: model: no token '?'");
  CHECK(error_with("/added_tokens/0/id", 3) ==
        "tokenizer.json: added_tokens[0]: the token '[UNK]' has the id 3, but tokenizer.json gives "
        "it 0");
  CHECK(error_with("/added_tokens/0/more", 3) ==
        "tokenizer.json: added_tokens[0]: more is not supported");
  CHECK(error_with("/more", 3) == "tokenizer.json: more is not supported");
  const json bpe = {{"type", "BPE"},
                    {"vocab", {{"[UNK]", 0}, {"a", 1}, {"b", 2}, {"ab", 3}}},
                    {"merges", {"a b"}}};
  CHECK(error_with("/model", bpe) ==
        "tokenizer.json: model: type 'BPE' is supported after ByteLevel only");
  json broken = bpe;
  broken["merges"] = {"a b", "a c"};
  CHECK(error_with("/model", broken) ==
        "tokenizer.json: model: merges[1]: the vocabulary has no token 'c'");
  broken = bpe;
  broken["byte_fallback"] = true;
  CHECK(error_with("/model", broken) ==
        "tokenizer.json: model: byte_fallback: true is not supported, only false");
}

TEST_CASE("every truncated or mangled tokenizer.json is an error or a tokenizer, never a crash") {
  TokenizerJson folder;
  const std::string whole = folder.file.dump();
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    folder.write("tokenizer.json", whole.substr(0, size));
    CHECK_FALSE(error_of([&] { Tokenizer::load(folder.path); }).empty());
  }
  const json flat = folder.file.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    for (const json& other : {json(), json(-1), json("x"), json(json::array({1})), json(1e300)}) {
      json changed = small_file();
      changed[json::json_pointer(pointer)] = other;
      folder.write("tokenizer.json", changed.dump());
      CAPTURE(pointer);
      CHECK_NOTHROW(error_of([&] { Tokenizer::load(folder.path).encode("ab é", "b", 64); }));
    }
  }
}

TEST_CASE("added tokens take white space, keep to whole words, or stand in the normalised text") {
  TokenizerJson folder;
  const auto add = [&](const json& token) {
    json whole = {{"special", false},
                  {"normalized", false},
                  {"lstrip", false},
                  {"rstrip", false},
                  {"single_word", false}};
    whole.update(token);
    folder.file["added_tokens"].push_back(whole);
  };
  add({{"id", 9}, {"content", "<l>"}, {"lstrip", true}});
  add({{"id", 10}, {"content", "<lr"}, {"rstrip", true}});
  add({{"id", 11}, {"content", "wörd"}, {"single_word", true}});
  add({{"id", 12}, {"content", "NOR"}, {"normalized", true}});
  CHECK(folder.ids("a  <l> b") == Ids{1, 3, 9, 4, 2});
  CHECK(folder.ids("a <lr \u3000 b") == Ids{1, 3, 10, 4, 2});
  CHECK(folder.ids("wörd wörds äwörd a.wörd") == Ids{1, 11, 0, 0, 3, 0, 11, 2});
  CHECK(folder.ids("anorb NÖR") == Ids{1, 3, 12, 4, 12, 2});
}

TEST_CASE("the longest of the added tokens that begin at one place is taken") {
  TokenizerJson folder;
  for (const auto& [id, content] :
       {std::pair(9, "<x"), std::pair(10, "<x>y"), std::pair(11, "<x>")}) {
    folder.file["added_tokens"].push_back({{"id", id}, {"content", content}, {"special", true}});
  }
  CHECK(folder.ids("<x>y<x><x") == Ids{1, 10, 11, 9, 2});
}

TEST_CASE("tokenizer_config.json goes before tokenizer.json, unless its class reads any") {
  TokenizerJson folder;
  folder.write("tokenizer_config.json",
               R"({"tokenizer_class": "BertTokenizerFast", "do_lower_case": false})");
  CHECK(folder.ids("A é") == Ids{1, 6, 7, 2});
  folder.write("tokenizer_config.json",
               R"({"tokenizer_class": "BertTokenizer", "strip_accents": false})");
  CHECK(folder.ids("A É") == Ids{1, 3, 7, 2});
  folder.write("tokenizer_config.json",
               R"({"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": false})");
  CHECK(folder.ids("A é") == Ids{1, 3, 8, 2});
}

TEST_CASE("tokenizer_config.json adds tokens, limits rows and says which end is cut") {
  TokenizerJson folder;
  folder.write("tokenizer_config.json", R"({
    "added_tokens_decoder": {"9": {"content": "<n>", "special": true}},
    "additional_special_tokens": ["<n>", "<m>"], "truncation_side": "left",
    "model_max_length": 5, "image_token": "<img>", "unheard_of": [1]})");
  const Tokenizer tokenizer = folder.load();
  CHECK(tokenizer.max_length() == 5);
  CHECK(tokenizer.vocab_size() == 12);
  CHECK(tokenizer.encode("a a b <n> e", std::nullopt, 64).ids == Ids{1, 4, 9, 8, 2});
  CHECK(folder.ids("<img><m>").size() == 4);
  REQUIRE(tokenizer.notes().size() == 1);
  CHECK(tokenizer.notes()[0].ends_with(
      "tokenizer_config.json: nothing is known of 'unheard_of': it is left aside"));
}

TEST_CASE("special tokens written out in a text are text where the folder says so") {
  TokenizerJson folder;
  CHECK(folder.ids("[UNK]") == Ids{1, 0, 2});
  folder.write("tokenizer_config.json", R"({"split_special_tokens": true})");
  CHECK(folder.ids("[UNK]") == Ids{1, 0, 0, 0, 2});
}

TEST_CASE("what tokenizer_config.json may not say is refused by its key") {
  const TokenizerJson folder;
  for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
           {R"({"padding_side": "left"})",
            "padding_side: \"left\" is not supported, only \"right\""},
           {R"({"add_bos_token": true})", "add_bos_token: true is not supported, only null"},
           {R"({"truncation_side": "top"})", "truncation_side: \"top\" is not left or right"},
           {R"({"model_max_length": 0})", "model_max_length: 0 is not 1 or more"},
           {R"({"cls_token": {"content": ""}})", "cls_token: content: \"\" is not a token"},
           {R"({"added_tokens_decoder": {"x": {"content": "a"}}})",
            "added_tokens_decoder: 'x' is not an id"},
           {R"({"added_tokens_decoder": {"3": {"content": "zz"}}})",
            "the tokens 'a' and 'zz' have the same id 3"},
           {R"({"extra_special_tokens": 3})", "extra_special_tokens: 3 is no list of tokens"}}) {
    folder.write("tokenizer_config.json", text);
    CHECK(folder.error() == "tokenizer_config.json: " + message);
  }
}

TEST_CASE("older files beside a tokenizer.json add their tokens, and contradict it aloud") {
  const TokenizerJson folder;
  folder.write("added_tokens.json", R"({"<n>": 9})");
  folder.write("special_tokens_map.json", R"({"mask_token": {"content": "<m>", "lstrip": true}})");
  CHECK(folder.ids("a <n> <m>") == Ids{1, 3, 9, 10, 2});
  folder.write("added_tokens.json", R"({"a": 9})");
  CHECK(folder.error() ==
        "added_tokens.json: the token 'a' has the id 9, but tokenizer.json gives it 3");
  folder.write("added_tokens.json", R"({"<n>": -9})");
  CHECK(folder.error() == "added_tokens.json: '<n>': -9 is not an id");
  folder.write("special_tokens_map.json", R"({"odd": "x"})");
  CHECK(folder.error() == "special_tokens_map.json: odd is not supported");
}

TEST_CASE("a model without segments gets none, and one with fewer rows than ids is refused") {
  TokenizerJson folder;
  folder.write("config.json", R"({"model_type": "distilbert", "max_position_embeddings": 20})");
  CHECK(folder.load().encode("a", "b", 64).types == std::vector<std::uint8_t>(5, 0));
  CHECK(folder.load().max_length() == 20);
  folder.write("config.json", R"({"model_type": "mpnet", "max_position_embeddings": 20,
                                  "pad_token_id": 1})");
  CHECK(folder.load().max_length() == 18);
  folder.write("config.json", R"({"vocab_size": 8})");
  CHECK(folder.error() == "tokenizer.json: ids up to 8, but config.json has vocab_size 8");
}

TEST_CASE("a tokenizer.json's hash changes with all that its ids depend on") {
  TokenizerJson folder;
  std::vector<std::string> hashes = {folder.load().content_hash()};
  const auto changed = [&] {
    const std::string hash = folder.load().content_hash();
    const bool fresh = std::ranges::find(hashes, hash) == hashes.end();
    hashes.push_back(hash);
    return fresh;
  };
  CHECK_FALSE(changed());
  folder.file["normalizer"]["lowercase"] = false;
  CHECK(changed());
  folder.write("tokenizer_config.json", R"({"truncation_side": "left"})");
  CHECK(changed());
  folder.write("tokenizer_config.json", R"({"mask_token": "<m>"})");
  CHECK(changed());
  folder.write("config.json", R"({"model_type": "distilbert"})");
  CHECK(changed());
}

TEST_CASE("a file that is no SentencePiece model is named") {
  const Folder folder;
  folder.write("config.json", R"({"model_type": "xlm-roberta"})");
  const auto error = [&] { return error_of([&] { Tokenizer::load(folder.path); }, folder.path); };
  CHECK(error() == "sentencepiece.bpe.model: cannot read: No such file or directory");
  folder.write("sentencepiece.bpe.model", "version https://git-lfs");
  CHECK(error().starts_with("sentencepiece.bpe.model: not a SentencePiece model: "));
}

TEST_CASE("base 64 is read, and anything else is not") {
  CHECK(decode_base64("") == "");
  CHECK(decode_base64("aGk=") == "hi");
  CHECK(decode_base64("aA==") == "h");
  CHECK(decode_base64("aGkh") == "hi!");
  for (const char* bad : {"a", "aG", "aGk", "aG*h", "a===", "===="}) {
    CHECK_FALSE(decode_base64(bad).has_value());
  }
}
