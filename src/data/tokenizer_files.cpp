#include "data/tokenizer_files.hpp"

#include <fmt/format.h>

#include <array>

#include "data/components.hpp"
#include "data/tokenizer_config.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"

namespace runner::data {
namespace fs = std::filesystem;
namespace {

using Model = TokenizerDescription::Model;

// Ids of a merge's parts and product; `place()` opens the message where one is missing.
template <typename Place>
Merge make_merge(const Vocabulary& vocabulary, std::string_view left, std::string_view right,
                 Place place) {
  const auto id_of = [&](std::string_view token) {
    const auto found = vocabulary.find(token);
    if (found != vocabulary.end()) return found->second;
    throw InputError(fmt::format("{}: the vocabulary has no token '{}'", place(), token));
  };
  return {id_of(left), id_of(right), id_of(std::string(left).append(right))};
}

// "LEFT RIGHT"
template <typename Place>
Merge read_merge(const Vocabulary& vocabulary, std::string_view line, Place place) {
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos || line.find(' ', blank + 1) != std::string_view::npos) {
    throw InputError(
        fmt::format("{}: '{}' is not a pair of tokens with a blank between", place(), line));
  }
  return make_merge(vocabulary, line.substr(0, blank), line.substr(blank + 1), place);
}

std::vector<Merge> read_merges_txt(std::string_view bytes, const Vocabulary& vocabulary,
                                   std::string_view name) {
  std::vector<Merge> merges;
  for (int number = 1; !bytes.empty(); ++number) {
    const std::size_t end = bytes.find('\n');
    std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("#version") || (line.empty() && bytes.empty())) continue;
    merges.push_back(
        read_merge(vocabulary, line, [&] { return fmt::format("{}:{}", name, number); }));
  }
  if (merges.empty()) throw InputError(fmt::format("{}: no merges", name));
  return merges;
}

// A list of "LEFT RIGHT", or of [LEFT, RIGHT].
std::vector<Merge> read_merges(Component& model, const Vocabulary& vocabulary) {
  const io::Json& list = model.value("merges");
  if (!list.is_array()) throw InputError(model.place() + ": no list of merges");
  std::vector<Merge> merges;
  merges.reserve(list.size());
  for (const io::Json& item : list) {
    const auto place = [&] { return fmt::format("{}: merges[{}]", model.place(), merges.size()); };
    if (item.is_string()) {
      merges.push_back(read_merge(vocabulary, item.get_ref<const std::string&>(), place));
    } else if (item.is_array() && item.size() == 2 && item[0].is_string() && item[1].is_string()) {
      merges.push_back(make_merge(vocabulary, item[0].get_ref<const std::string&>(),
                                  item[1].get_ref<const std::string&>(), place));
    } else {
      throw InputError(fmt::format("{}: {} is not a pair of tokens", place(), item.dump()));
    }
  }
  return merges;
}

void refuse_unless_empty(Component& model, const char* key) {
  if (!model.text(key, "").empty()) model.refuse(key, "supported, only an empty one");
}

void read_bpe(TokenizerDescription& description, Component& model) {
  description.model = Model::bpe;
  description.vocabulary = read_vocab(model.value("vocab"), model.place() + ": vocab");
  description.merges = read_merges(model, description.vocabulary);
  if (const std::string unknown = model.text("unk_token", ""); !unknown.empty()) {
    description.unknown = require_token(description.vocabulary, unknown, model.place());
  }
  description.ignore_merges = model.flag("ignore_merges", false);
  refuse_unless_empty(model, "continuing_subword_prefix");
  refuse_unless_empty(model, "end_of_word_suffix");
  if (const io::Json& dropout = model.value("dropout");
      !dropout.is_null() && dropout != io::Json(0.0)) {
    model.refuse("dropout", "supported, only none");
  }
  for (const char* key : {"byte_fallback", "fuse_unk"}) {
    if (model.flag(key, false)) model.refuse(key, "supported, only false");
  }
}

void read_wordpiece(TokenizerDescription& description, Component& model) {
  description.model = Model::wordpiece;
  description.vocabulary = read_vocab(model.value("vocab"), model.place() + ": vocab");
  description.unknown =
      require_token(description.vocabulary, model.text("unk_token", "[UNK]"), model.place());
  description.prefix = model.text("continuing_subword_prefix", "##");
  description.longest_word = model.count("max_input_chars_per_word", 100);
}

void read_unigram(TokenizerDescription& description, Component& model) {
  description.model = Model::unigram;
  const io::Json& vocab = model.value("vocab");
  if (!vocab.is_array() || vocab.empty()) {
    throw InputError(model.place() + ": vocab is no list of pieces and their scores");
  }
  description.vocabulary.reserve(vocab.size());
  description.scores.reserve(vocab.size());
  for (const io::Json& entry : vocab) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number()) {
      throw InputError(fmt::format("{}: vocab[{}]: {} is not [PIECE, SCORE]", model.place(),
                                   description.scores.size(), entry.dump()));
    }
    description.vocabulary.insert_or_assign(entry[0].get<std::string>(),
                                            static_cast<std::int32_t>(description.scores.size()));
    description.scores.push_back(entry[1].get<double>());
  }
  description.unknown = model.count("unk_id", -1);
  if (description.unknown < 0 ||
      description.unknown >= static_cast<std::int32_t>(description.scores.size())) {
    throw InputError(model.place() + ": unk_id is none of the vocabulary's ids");
  }
  if (model.flag("byte_fallback", false)) model.refuse("byte_fallback", "supported, only false");
}

struct Row {
  std::string_view type;
  void (*read)(TokenizerDescription&, Component&);
};
constexpr std::array kModels = {Row{"BPE", read_bpe}, Row{"WordPiece", read_wordpiece},
                                Row{"Unigram", read_unigram}};

}  // namespace

TokenizerDescription read_tokenizer_json(const fs::path& path) {
  const std::string name = path.string(), bytes = io::read_file(path);
  const io::Json json = io::parse_json(bytes, name);
  Component file(json, name);
  TokenizerDescription description;
  description.name = name;
  description.content_hash = io::content_hash(bytes);
  description.normalizer = file.value("normalizer");
  description.pre_tokenizer = file.value("pre_tokenizer");
  description.post_processor = file.value("post_processor");
  // How long a row may be and how it is filled up is the caller's; the decoder makes texts of ids.
  for (const char* key : {"version", "truncation", "padding", "decoder"}) file.ignore(key);

  const std::string place = name + ": model";
  io::Json typed;  // older versions do not say which model it is
  const io::Json* parts = &file.value("model");
  if (parts->is_object() && !parts->contains("type")) {
    typed = *parts;
    typed["type"] = typed.contains("merges")                      ? "BPE"
                    : typed.contains("unk_id")                    ? "Unigram"
                    : typed.contains("continuing_subword_prefix") ? "WordPiece"
                                                                  : "WordLevel";
    parts = &typed;
  }
  Component model(*parts, place);
  find_row(kModels, model).read(description, model);
  model.finish();

  const io::Json& added = file.value("added_tokens");
  if (!added.is_null() && !added.is_array()) throw InputError(name + ": added_tokens is no list");
  for (std::size_t i = 0; i < added.size(); ++i) {
    const std::string where = fmt::format("{}: added_tokens[{}]", name, i);
    add_token(description, read_added_token(added[i], where), where);
  }
  file.finish();
  return description;
}

TokenizerDescription read_bpe_files(const fs::path& folder) {
  const fs::path vocab = folder / "vocab.json", merges = folder / "merges.txt";
  const std::string vocab_bytes = io::read_file(vocab);
  TokenizerDescription description;
  description.name = vocab.string();
  description.vocabulary = read_vocab(io::parse_json(vocab_bytes, vocab.string()), vocab.string());
  const std::string merges_bytes = io::read_file(merges);
  description.merges = read_merges_txt(merges_bytes, description.vocabulary, merges.string());
  description.content_hash = io::content_hash(vocab_bytes) + io::content_hash(merges_bytes);
  description.pre_tokenizer = {{"type", "ByteLevel"}, {"add_prefix_space", false}};
  return description;
}

TokenizerDescription read_wordpiece_file(const fs::path& folder, std::string_view unknown) {
  const fs::path vocab = folder / "vocab.txt";
  const std::string bytes = io::read_file(vocab);
  TokenizerDescription description;
  description.name = vocab.string();
  description.model = Model::wordpiece;
  description.vocabulary = read_vocab_txt(bytes, vocab.string());
  description.unknown = require_token(description.vocabulary, unknown, vocab.string());
  description.content_hash = io::content_hash(bytes);
  description.normalizer = {{"type", "BertNormalizer"}};
  description.pre_tokenizer = {{"type", "BertPreTokenizer"}};
  return description;
}

}  // namespace runner::data
