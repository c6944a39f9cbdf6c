#include "data/tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>
#include <variant>

#include "data/added_tokens.hpp"
#include "data/bpe.hpp"
#include "data/normalizers.hpp"
#include "data/post_processor.hpp"
#include "data/pre_tokenizers.hpp"
#include "data/tokenizer_folder.hpp"
#include "data/unicode.hpp"
#include "data/unigram.hpp"
#include "data/wordpiece.hpp"
#include "io/error.hpp"

namespace runner::data {
namespace fs = std::filesystem;
namespace {

using Ids = std::vector<std::int32_t>;
using Part = Template::Part;

// A text as valid UTF-8; `repaired` holds it where the text itself is not plain ASCII.
std::string_view valid_utf8(std::string_view text, std::string& repaired) {
  if (std::ranges::all_of(text, [](char c) { return static_cast<std::uint8_t>(c) < 128; })) {
    return text;
  }
  repaired.clear();
  for (std::size_t at = 0; at < text.size();) unicode::append(repaired, unicode::decode(text, at));
  return repaired;
}

// The value of a key in a component, where it is there.
template <typename T>
T setting(const io::Json& component, const char* key, T absent) {
  const auto found = component.find(key);
  return found == component.end() || found->is_null() ? absent : found->get<T>();
}

bool has_type(const io::Json& component, std::string_view type) {
  return component.is_object() && component.contains("type") && component["type"] == type;
}

using Model = std::variant<BytePairEncoding, WordPiece, Unigram>;

Model make_model(const TokenizerDescription& description) {
  switch (description.model) {
    case TokenizerDescription::Model::bpe:
      return BytePairEncoding(description);
    case TokenizerDescription::Model::wordpiece: {
      WordPiece::Options rules;
      if (has_type(description.normalizer, "BertNormalizer")) {
        rules.lower_case = setting(description.normalizer, "lowercase", true);
        rules.strip_accents = setting(description.normalizer, "strip_accents", rules.lower_case);
        rules.chinese_words = setting(description.normalizer, "handle_chinese_chars", true);
      }
      return WordPiece(description, rules);
    }
    case TokenizerDescription::Model::unigram:
      return Unigram(description);
  }
  throw std::logic_error("unknown model");
}

int specials_of(const std::vector<Part>& parts) {
  return static_cast<int>(
      std::ranges::count(parts, Part::Kind::special, [](const Part& p) { return p.kind; }));
}

}  // namespace

struct Tokenizer::State {
  explicit State(TokenizerFolder folder);

  TokenizerFolder folder;  // without the vocabulary, which the model has
  std::vector<Normalizer> normalizers;
  PreTokenizers pre_tokenizers;
  Template rows;
  std::mutex mutex;  // guards the model's cache of words
  Model model;
  // The model reads whole texts, as it does for the usual normaliser and pre-tokeniser of its
  // kind; else those above make words of them.
  bool whole_texts = false;
  bool prefix_space = false;  // with whole_texts: a blank before each text that has none
  AddedTokenFinder in_text, in_normal_text;
  int vocab_size = 0;

  void add_text(std::string_view text, Ids& ids);
  void add_plain(std::string_view text, bool first, Ids& ids);
  void add_normal(std::string_view text, bool first, Ids& ids);
};

Tokenizer::State::State(TokenizerFolder read)
    : folder(std::move(read)),
      normalizers(make_normalizers(folder.description.normalizer,
                                   folder.description.name + ": normalizer")),
      pre_tokenizers(make_pre_tokenizers(folder.description.pre_tokenizer,
                                         folder.description.name + ": pre_tokenizer")),
      rows(make_template(folder.description.post_processor,
                         folder.description.name + ": post_processor")),
      model(make_model(folder.description)) {
  TokenizerDescription& description = folder.description;
  const bool bpe = description.model == TokenizerDescription::Model::bpe;
  if (bpe != pre_tokenizers.bytes) {
    throw InputError(fmt::format("{}: {}", description.name,
                                 bpe ? "model: type 'BPE' is supported after ByteLevel only"
                                     : "pre_tokenizer: ByteLevel is supported before BPE only"));
  }

  std::vector<AddedToken> as_it_came, normal;
  for (AddedToken& token : description.added) {
    if (folder.split_special_tokens && token.special) continue;
    if (!token.normalized || normalizers.empty()) {
      as_it_came.push_back(token);
      continue;
    }
    NormalText content{token.content};
    for (const Normalizer& step : normalizers) step(content);
    token.content = std::move(content.text);
    if (!token.content.empty()) normal.push_back(token);
  }
  in_text = AddedTokenFinder(std::move(as_it_came));
  in_normal_text = AddedTokenFinder(std::move(normal));

  const io::Json &first = description.normalizer, &second = description.pre_tokenizer;
  if (bpe) {
    whole_texts =
        normalizers.empty() && has_type(second, "ByteLevel") && setting(second, "use_regex", true);
    prefix_space = whole_texts && setting(second, "add_prefix_space", true);
  } else {
    whole_texts = in_normal_text.empty() && has_type(first, "BertNormalizer") &&
                  setting(first, "clean_text", true) && has_type(second, "BertPreTokenizer") &&
                  description.model == TokenizerDescription::Model::wordpiece;
  }

  for (const auto& [token, id] : description.vocabulary) vocab_size = std::max(vocab_size, id + 1);
  for (const AddedToken& token : description.added) vocab_size = std::max(vocab_size, token.id + 1);
  description.vocabulary.clear();
  description.merges.clear();
  description.scores.clear();
}

// A stretch of normalised text without added tokens.
void Tokenizer::State::add_normal(std::string_view text, bool first, Ids& ids) {
  std::vector<Piece> pieces, next;
  pieces.push_back({std::string(text), first});
  for (const PreTokenizer& step : pre_tokenizers.steps) {
    next.clear();
    for (Piece& piece : pieces) step(std::move(piece), next);
    pieces.swap(next);
  }
  std::visit(
      [&](auto& m) {
        for (const Piece& piece : pieces) m.encode_word(piece.text, ids);
      },
      model);
}

// A stretch of text between added tokens; `first`: the text begins with it.
void Tokenizer::State::add_plain(std::string_view text, bool first, Ids& ids) {
  if (whole_texts) {
    std::string prefixed;
    if (prefix_space && text[0] != ' ') text = prefixed = fmt::format(" {}", text);
    if (auto* bpe = std::get_if<BytePairEncoding>(&model)) return bpe->encode(text, ids);
    return std::get<WordPiece>(model).encode(text, ids);
  }
  NormalText normal{std::string(text)};
  for (const Normalizer& step : normalizers) step(normal);
  const char* const begin = normal.text.data();
  in_normal_text.split(
      normal.text,
      [&](std::string_view part) {
        add_normal(part, first && !normal.trimmed && part.data() == begin, ids);
      },
      [&](std::int32_t id) { ids.push_back(id); });
}

void Tokenizer::State::add_text(std::string_view text, Ids& ids) {
  std::string repaired;
  text = valid_utf8(text, repaired);
  in_text.split(
      text, [&](std::string_view part) { add_plain(part, part.data() == text.data(), ids); },
      [&](std::int32_t id) { ids.push_back(id); });
}

Tokenizer::Tokenizer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
int Tokenizer::max_length() const { return state_->folder.max_length; }
int Tokenizer::vocab_size() const { return state_->vocab_size; }
const std::string& Tokenizer::content_hash() const {
  return state_->folder.description.content_hash;
}
const std::vector<std::string>& Tokenizer::notes() const { return state_->folder.notes; }

Tokenizer Tokenizer::load(const fs::path& folder) {
  return Tokenizer(std::make_unique<State>(read_tokenizer_folder(folder)));
}

Encoding Tokenizer::encode(std::string_view text_a, std::optional<std::string_view> text_b,
                           int max_length) const {
  State& state = *state_;
  const bool pair = text_b.has_value() && !text_b->empty();
  const std::vector<Part>& parts = pair ? state.rows.pair : state.rows.single;
  const int specials = specials_of(parts);
  const int limit = std::min(max_length, state.folder.max_length);
  if (limit < specials) {
    throw InputError(
        fmt::format("max_length {} has no room for the {} special tokens", limit, specials));
  }
  Ids a, b;
  {
    const std::scoped_lock lock(state.mutex);
    state.add_text(text_a, a);
    if (pair) state.add_text(*text_b, b);
  }

  // longest_first, by the rule of the `tokenizers` package: the shorter text is cut only when both
  // exceed half the room.
  const auto room = static_cast<std::size_t>(limit - specials);
  auto& shorter = a.size() <= b.size() ? a : b;
  auto& longer = a.size() <= b.size() ? b : a;
  Encoding encoding;
  encoding.truncated = a.size() + b.size() > room;
  if (encoding.truncated) {
    std::size_t n1 = shorter.size();
    std::size_t n2 = n1 > room ? n1 : std::max(n1, room - n1);
    if (n1 + n2 > room) {
      n1 = room / 2;
      n2 = n1 + room % 2;
    }
    const auto cut = [&](Ids& ids, std::size_t length) {
      if (length >= ids.size()) return;
      const auto extra = static_cast<std::ptrdiff_t>(ids.size() - length);
      if (state.folder.cut_left) ids.erase(ids.begin(), ids.begin() + extra);
      ids.resize(length);
    };
    cut(shorter, n1);
    cut(longer, n2);
  }

  encoding.ids.reserve(a.size() + b.size() + static_cast<std::size_t>(specials));
  for (const Part& part : parts) {
    if (part.kind == Part::Kind::special) {
      encoding.ids.push_back(part.id);
    } else {
      const Ids& text = part.kind == Part::Kind::first ? a : b;
      encoding.ids.insert(encoding.ids.end(), text.begin(), text.end());
    }
    encoding.types.resize(encoding.ids.size(), state.folder.types ? part.type : std::uint8_t{0});
  }
  return encoding;
}

}  // namespace runner::data
