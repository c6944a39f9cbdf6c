#include "data/tokenizer_folder.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <climits>
#include <string_view>
#include <utility>

#include "data/components.hpp"
#include "data/tokenizer_config.hpp"
#include "data/tokenizer_files.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"

namespace runner::data {
namespace fs = std::filesystem;
namespace {

using Names = std::array<AddedToken, kNamedTokens.size()>;  // by NamedToken

const AddedToken& name_of(const Names& names, NamedToken which) {
  return names[static_cast<std::size_t>(which)];
}

// <s> A </s></s> B </s>, segments all 0.
io::Json join_as_roberta(const TokenizerDescription& description, const Names& names) {
  const auto part = [&](NamedToken which) {
    const std::string& token = name_of(names, which).content;
    return io::Json{token, require_token(description.vocabulary, token, description.name)};
  };
  return {{"type", "RobertaProcessing"},
          {"cls", part(NamedToken::cls)},
          {"sep", part(NamedToken::sep)}};
}

// [CLS] A [SEP] B [SEP], segments 0 and 1.
io::Json join_as_bert(const TokenizerDescription& description, const Names& names) {
  io::Json json = join_as_roberta(description, names);
  json["type"] = "BertProcessing";
  return json;
}

// Text is cut into words at white space; a word's first piece begins with U+2581.
TokenizerDescription read_pieces(const fs::path& folder, const TokenizerConfig& config,
                                 const std::vector<std::pair<std::string, double>>& before,
                                 std::size_t skipped, const Names& names) {
  const fs::path path = folder / "sentencepiece.bpe.model";
  const SentencePieceFile file = read_sentencepiece(path);
  TokenizerDescription description;
  description.name = path.string();
  description.model = TokenizerDescription::Model::unigram;
  description.content_hash = file.content_hash;
  const auto add = [&](const std::string& piece, double score) {
    description.vocabulary.insert_or_assign(piece,
                                            static_cast<std::int32_t>(description.scores.size()));
    description.scores.push_back(score);
  };
  for (const auto& [piece, score] : before) add(piece, score);
  for (std::size_t i = skipped; i < file.pieces.size(); ++i) {
    add(file.pieces[i].text, file.pieces[i].score);
  }
  add(name_of(names, NamedToken::mask).content, 0.0);
  description.unknown = require_token(description.vocabulary,
                                      name_of(names, NamedToken::unk).content, description.name);

  if (!file.charsmap.empty()) {
    description.normalizer = {
        {"type", "Precompiled"},
        {"precompiled_charsmap", io::Json::binary({file.charsmap.begin(), file.charsmap.end()})}};
  }
  const char* scheme = config.prefix_space.value_or(true) ? "always" : "never";
  description.pre_tokenizer = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "WhitespaceSplit"}}, {{"type", "Metaspace"}, {"prepend_scheme", scheme}}}}};
  using Kind = SentencePieceFile::Piece::Kind;
  for (const SentencePieceFile::Piece& piece : file.pieces) {
    if (piece.kind == Kind::control || piece.kind == Kind::user_defined) {
      add_token(description, {.content = piece.text, .special = piece.kind == Kind::control},
                description.name);
    }
  }
  return description;
}

TokenizerDescription read_roberta(const fs::path& folder, const TokenizerConfig& config,
                                  const Names& names) {
  TokenizerDescription description = read_bpe_files(folder);
  description.pre_tokenizer["add_prefix_space"] = config.prefix_space.value_or(false);
  description.post_processor = join_as_roberta(description, names);
  return description;
}

TokenizerDescription read_wordpiece(const fs::path& folder, const TokenizerConfig& config,
                                    const Names& names) {
  TokenizerDescription description =
      read_wordpiece_file(folder, name_of(names, NamedToken::unk).content);
  description.normalizer["lowercase"] = config.lower_case.value_or(true);
  description.normalizer["handle_chinese_chars"] = config.chinese_words.value_or(true);
  if (config.strip_accents && *config.strip_accents) {
    description.normalizer["strip_accents"] = **config.strip_accents;
  }
  return description;
}

TokenizerDescription read_bert(const fs::path& folder, const TokenizerConfig& config,
                               const Names& names) {
  TokenizerDescription description = read_wordpiece(folder, config, names);
  description.post_processor = join_as_bert(description, names);
  return description;
}

TokenizerDescription read_mpnet(const fs::path& folder, const TokenizerConfig& config,
                                const Names& names) {
  TokenizerDescription description = read_wordpiece(folder, config, names);
  description.post_processor = join_as_roberta(description, names);
  return description;
}

// fairseq put its own four tokens before SentencePiece's pieces, of which it left three out.
TokenizerDescription read_xlm_roberta(const fs::path& folder, const TokenizerConfig& config,
                                      const Names& names) {
  std::vector<std::pair<std::string, double>> before;
  for (const NamedToken which :
       {NamedToken::bos, NamedToken::pad, NamedToken::eos, NamedToken::unk}) {
    before.emplace_back(name_of(names, which).content, 0.0);
  }
  TokenizerDescription description = read_pieces(folder, config, before, 3, names);
  description.post_processor = join_as_roberta(description, names);
  return description;
}

// The same, but the pieces begin with <s>, so that fairseq's are never used.
TokenizerDescription read_camembert(const fs::path& folder, const TokenizerConfig& config,
                                    const Names& names) {
  TokenizerDescription description = read_pieces(folder, config,
                                                 {{"<s>NOTUSED", 0.0},
                                                  {name_of(names, NamedToken::pad).content, 0.0},
                                                  {"</s>NOTUSED", 0.0},
                                                  {name_of(names, NamedToken::unk).content, 0.0},
                                                  {"<unk>NOTUSED", -100.0}},
                                                 1, names);
  description.post_processor = join_as_roberta(description, names);
  return description;
}

// One row per family: what its folders look like, and its model's input.
struct Family {
  std::string_view model_type, tokenizer_class;
  TokenizerDescription (*read)(const fs::path&, const TokenizerConfig&, const Names&);
  std::string_view files;   // without a tokenizer.json
  bool types;               // the model is fed segments
  bool positions_from_pad;  // positions count from pad_token_id + 1
  std::array<std::string_view, kNamedTokens.size()> names;
  bool lstrip_mask = false;       // the mask takes the white space before it
  bool normalized_names = false;  // named tokens are found in the normalised text
};

constexpr std::array<std::string_view, kNamedTokens.size()>
    kAngles = {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"},
    kBrackets = {"", "", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"},
    kMixed = {"<s>", "</s>", "[UNK]", "</s>", "<pad>", "<s>", "<mask>"};
constexpr std::string_view kBpeFiles = "vocab.json", kWordPieceFiles = "vocab.txt",
                           kSentencePieceFiles = "sentencepiece.bpe.model";

constexpr std::array kFamilies = {
    Family{"roberta", "RobertaTokenizer", read_roberta, kBpeFiles, false, true, kAngles},
    Family{"bert", "BertTokenizer", read_bert, kWordPieceFiles, true, false, kBrackets},
    Family{"distilbert", "DistilBertTokenizer", read_bert, kWordPieceFiles, false, false,
           kBrackets},
    Family{"electra", "ElectraTokenizer", read_bert, kWordPieceFiles, true, false, kBrackets},
    Family{"mpnet", "MPNetTokenizer", read_mpnet, kWordPieceFiles, false, true, kMixed, true, true},
    Family{"xlm-roberta", "XLMRobertaTokenizer", read_xlm_roberta, kSentencePieceFiles, false, true,
           kAngles},
    Family{"camembert", "CamembertTokenizer", read_camembert, kSentencePieceFiles, false, true,
           kAngles, true},
};

const Family* find_family(std::string_view Family::*key, std::string_view value) {
  const auto found = std::ranges::find(kFamilies, value, key);
  return found != kFamilies.end() ? &*found : nullptr;
}

bool there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// The family whose files are to be read where there is no tokenizer.json.
const Family& family_of_files(const fs::path& folder, const TokenizerConfig& config,
                              const Family* of_model) {
  if (const Family* named = find_family(&Family::tokenizer_class, config.tokenizer_class)) {
    return *named;
  }
  if (of_model != nullptr) return *of_model;
  for (const std::string_view files : {kBpeFiles, kWordPieceFiles}) {
    if (there(folder / files)) return *find_family(&Family::files, files);
  }
  std::vector<std::string_view> types;
  for (const Family& family : kFamilies) types.push_back(family.model_type);
  throw InputError(fmt::format(
      "{}: no tokenizer: neither tokenizer.json, nor vocab.json and merges.txt, nor vocab.txt, nor "
      "sentencepiece.bpe.model with its model_type in config.json ({})",
      folder.string(), fmt::join(types, ", ")));
}

Names names_of(const Family& family, const TokenizerConfig& config) {
  Names names;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool plain = !config.named[i] || config.plain[i];
    names[i] = config.named[i].value_or(
        AddedToken{.content = std::string(family.names[i]), .special = true});
    if (!plain) continue;
    names[i].normalized = family.normalized_names;
    names[i].lstrip = family.lstrip_mask && i == static_cast<std::size_t>(NamedToken::mask);
  }
  return names;
}

// What tokenizer_config.json says goes before what tokenizer.json does, as in transformers; the
// class that reads any tokenizer.json changes nothing.
void override(TokenizerDescription& description, const TokenizerConfig& config) {
  if (find_family(&Family::tokenizer_class, config.tokenizer_class) == nullptr) return;
  const auto each = [](io::Json& json, const char* list, auto change) {
    if (!json.is_object()) return;
    if (json.contains(list) && json[list].is_array()) {
      for (io::Json& part : json[list]) change(part);
    } else {
      change(json);
    }
  };
  each(description.normalizer, "normalizers", [&](io::Json& part) {
    if (!part.is_object() || part.value("type", io::Json()) != "BertNormalizer") return;
    if (config.lower_case) part["lowercase"] = *config.lower_case;
    if (config.chinese_words) part["handle_chinese_chars"] = *config.chinese_words;
    if (config.strip_accents) {
      part["strip_accents"] = *config.strip_accents ? io::Json(**config.strip_accents) : io::Json();
    }
  });
  if (!config.prefix_space) return;
  each(description.pre_tokenizer, "pretokenizers", [&](io::Json& part) {
    if (!part.is_object()) return;
    const io::Json type = part.value("type", io::Json());
    if (type == "ByteLevel" || (type == "Metaspace" && !part.contains("prepend_scheme"))) {
      part["add_prefix_space"] = *config.prefix_space;
    } else if (type == "Metaspace") {
      const bool never = part["prepend_scheme"] == "never";
      if (never == *config.prefix_space) part["prepend_scheme"] = never ? "always" : "never";
    }
  });
}

// The tokens that stand beside the vocabulary, in transformers' order.
void add_tokens(TokenizerDescription& description, const TokenizerConfig& config,
                const Names* names) {
  const auto add_new = [&](const AddedToken& token, std::string_view place) {
    if (std::ranges::find(description.added, token.content, &AddedToken::content) ==
        description.added.end()) {
      add_token(description, token, place);
    }
  };
  for (const AddedToken& token : config.added) add_token(description, token, config.name);
  for (const AddedToken& token : config.older) {
    add_new(token, (fs::path(config.name).parent_path() / "added_tokens.json").string());
  }
  for (std::size_t i = 0; i < kNamedTokens.size(); ++i) {
    if (config.named[i]) {
      add_new(names != nullptr ? (*names)[i] : *config.named[i], config.name);
    } else if (names != nullptr && find_id(description, (*names)[i].content) != AddedToken::kNoId) {
      add_new((*names)[i], config.name);
    }
  }
  for (const AddedToken& token : config.extra) add_new(token, config.name);
}

}  // namespace

TokenizerFolder read_tokenizer_folder(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw InputError(fmt::format("{}: no such folder for a tokenizer", folder.string()));
  }
  const fs::path model_path = folder / "config.json", json_path = folder / "tokenizer.json";
  const io::Json model = io::read_json_object(model_path);
  Component keys(model, model_path.string());
  const io::Json& type = keys.value("model_type");
  const Family* of_model =
      find_family(&Family::model_type, type.is_string() ? type.get<std::string>() : "");
  const TokenizerConfig config = read_tokenizer_config(folder);

  TokenizerFolder out;
  TokenizerDescription& description = out.description;
  if (there(json_path)) {
    description = read_tokenizer_json(json_path);
    override(description, config);
    add_tokens(description, config, nullptr);
  } else {
    const Family& family = family_of_files(folder, config, of_model);
    const Names names = names_of(family, config);
    description = family.read(folder, config, names);
    add_tokens(description, config, &names);
    if (of_model == nullptr) of_model = &family;
  }
  out.types = of_model == nullptr || of_model->types;
  out.cut_left = config.cut_left;
  out.split_special_tokens = config.split_special_tokens;
  out.notes = config.notes;

  std::int32_t largest = 0;
  for (const auto& [token, id] : description.vocabulary) largest = std::max(largest, id);
  for (const AddedToken& token : description.added) largest = std::max(largest, token.id);
  const int rows = keys.count("vocab_size", largest + 1);
  if (largest >= rows) {
    throw InputError(fmt::format("{}: ids up to {}, but {} has vocab_size {}", description.name,
                                 largest, model_path.string(), rows));
  }
  const int positions = keys.count("max_position_embeddings", INT_MAX);
  const bool from_pad = of_model != nullptr && of_model->positions_from_pad;
  const int unused = from_pad ? keys.count("pad_token_id", 1) + 1 : 0;
  out.max_length = std::min(positions == INT_MAX ? INT_MAX : positions - unused, config.max_length);

  // Everything else that the ids depend on.
  std::string identity = description.content_hash;
  const io::Json unnamed;
  const bool mapped = description.normalizer.is_object() &&
                      description.normalizer.value("type", unnamed) == "Precompiled";
  if (!mapped) identity += description.normalizer.dump();  // a map's bytes are the file's
  identity += description.pre_tokenizer.dump() + description.post_processor.dump();
  for (const AddedToken& t : description.added) {
    identity += fmt::format(" {}:{} {} {}{}{}{}{}", t.content.size(), t.content, t.id, t.special,
                            t.normalized, t.lstrip, t.rstrip, t.single_word);
  }
  identity += fmt::format(" {} {} {} {}", out.types, out.cut_left, out.split_special_tokens,
                          description.unknown);
  description.content_hash = io::content_hash(identity);
  return out;
}

std::vector<fs::path> missing_tokenizer_files(const fs::path& folder) {
  if (there(folder / "tokenizer.json")) return {};
  const io::Json model =
      there(folder / "config.json") ? io::read_json_object(folder / "config.json") : io::Json();
  std::string type;
  if (model.contains("model_type") && model["model_type"].is_string()) type = model["model_type"];
  const Family* family = find_family(&Family::model_type, type);
  for (const std::string_view files : {kWordPieceFiles, kSentencePieceFiles, kBpeFiles})
    if (family == nullptr && there(folder / files)) family = find_family(&Family::files, files);
  if (family == nullptr) return {folder / "tokenizer.json"};
  std::vector<fs::path> missing;
  for (const std::string_view file : {family->files, std::string_view("merges.txt")}) {
    if (file != family->files && family->files != kBpeFiles) continue;
    if (!there(folder / file)) missing.push_back(folder / file);
  }
  return missing;
}

}  // namespace runner::data
