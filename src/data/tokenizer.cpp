#include "data/tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "data/bpe.hpp"
#include "data/json.hpp"
#include "data/unicode.hpp"
#include "data/wordpiece.hpp"
#include "io/error.hpp"
#include "io/file.hpp"

namespace runner::data {
namespace fs = std::filesystem;
namespace {

struct Special {
  std::string text;
  std::int32_t id;
};

// A text as valid UTF-8; `repaired` holds it where the text itself is not plain ASCII.
std::string_view valid_utf8(std::string_view text, std::string& repaired) {
  if (std::ranges::all_of(text, [](char c) { return static_cast<std::uint8_t>(c) < 128; })) {
    return text;
  }
  repaired.clear();
  for (std::size_t at = 0; at < text.size();) unicode::append(repaired, unicode::decode(text, at));
  return repaired;
}

bool there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// A JSON object's file; an empty object where there is no such file.
nlohmann::json read_object(const fs::path& path) {
  if (!there(path)) return nlohmann::json::object();
  nlohmann::json json = parse_json(io::read_file(path), path.string());
  if (!json.is_object()) throw InputError(path.string() + ": not a JSON object");
  return json;
}

bool read_flag(const nlohmann::json& json, const char* key, bool absent, const fs::path& path) {
  const auto value = json.find(key);
  if (value == json.end() || value->is_null()) return absent;
  if (!value->is_boolean()) {
    throw InputError(
        fmt::format("{}: {}: {} is not true or false", path.string(), key, value->dump()));
  }
  return value->get<bool>();
}

int read_count(const nlohmann::json& json, const char* key, int absent, const fs::path& path) {
  const auto value = json.find(key);
  if (value == json.end() || value->is_null()) return absent;
  if (!value->is_number_integer() || value->get<std::int64_t>() < 0 ||
      value->get<std::int64_t>() > INT_MAX) {
    throw InputError(
        fmt::format("{}: {}: {} is not a number of 0 or more", path.string(), key, value->dump()));
  }
  return value->get<int>();
}

}  // namespace

struct Tokenizer::State {
  using Model = std::variant<BytePairEncoding, WordPiece>;
  explicit State(Model words) : model(std::move(words)) {}

  std::mutex mutex;  // guards the model's cache of words
  Model model;
  std::vector<Special> specials;  // recognised in text, the required ones included
  std::int32_t begin = 0, end = 0;
  int separators = 1;         // `end` tokens between A and B
  bool second_type = false;   // B's tokens are of type 1
  bool prefix_space = false;  // a blank before each text that has none (RoBERTa)
  int max_length = INT_MAX;
  int vocab_size = 0;
  std::string content_hash;

  void add_text(std::string_view text, std::vector<std::int32_t>& ids);
  void add_plain(std::string_view text, std::vector<std::int32_t>& ids);
};

// Text between special tokens.
void Tokenizer::State::add_plain(std::string_view text, std::vector<std::int32_t>& ids) {
  if (text.empty()) return;
  std::string prefixed;
  if (prefix_space && text[0] != ' ') text = prefixed = fmt::format(" {}", text);
  std::visit([&](auto& m) { m.encode(text, ids); }, model);
}

void Tokenizer::State::add_text(std::string_view text, std::vector<std::int32_t>& ids) {
  std::string repaired;
  text = valid_utf8(text, repaired);
  std::size_t begin_plain = 0;
  for (std::size_t at = text.find_first_of("<["); at != std::string_view::npos;
       at = text.find_first_of("<[", at)) {
    const auto special = std::ranges::find_if(
        specials, [&](const Special& s) { return text.substr(at).starts_with(s.text); });
    if (special == specials.end()) {
      ++at;
      continue;
    }
    add_plain(text.substr(begin_plain, at - begin_plain), ids);
    ids.push_back(special->id);
    at += special->text.size();
    begin_plain = at;
  }
  add_plain(text.substr(begin_plain), ids);
}

Tokenizer::Tokenizer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
int Tokenizer::max_length() const { return state_->max_length; }
int Tokenizer::vocab_size() const { return state_->vocab_size; }
const std::string& Tokenizer::content_hash() const { return state_->content_hash; }

Tokenizer Tokenizer::load(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw InputError(fmt::format("{}: no such folder for a tokenizer", folder.string()));
  }
  const fs::path config_path = folder / "config.json";
  const fs::path options_path = folder / "tokenizer_config.json";
  const nlohmann::json config = read_object(config_path), options = read_object(options_path);
  const auto named = config.find("model_type");
  const std::string type = named != config.end() && named->is_string() ? *named : "";
  if (type != "roberta" && type != "bert" && !there(folder / "vocab.json") &&
      !there(folder / "vocab.txt")) {
    throw InputError(fmt::format(
        "{}: no tokenizer: neither vocab.json and merges.txt nor vocab.txt", folder.string()));
  }
  const bool roberta = type == "roberta" || (type != "bert" && there(folder / "vocab.json"));

  const fs::path vocab_path = folder / (roberta ? "vocab.json" : "vocab.txt");
  const std::string vocab_bytes = io::read_file(vocab_path);
  std::string identity = io::content_hash(vocab_bytes);
  std::unique_ptr<State> state;
  Vocabulary vocabulary;
  if (roberta) {
    vocabulary = read_vocab_json(vocab_bytes, vocab_path.string());
    const fs::path merges_path = folder / "merges.txt";
    const std::string merges = io::read_file(merges_path);
    state = std::make_unique<State>(BytePairEncoding(vocabulary, merges, merges_path.string()));
    state->separators = 2;
    state->prefix_space = read_flag(options, "add_prefix_space", false, options_path);
    identity += fmt::format("bpe {} {}", io::content_hash(merges), state->prefix_space);
  } else {
    vocabulary = read_vocab_txt(vocab_bytes, vocab_path.string());
    WordPiece::Options rules;
    rules.lower_case = read_flag(options, "do_lower_case", true, options_path);
    rules.strip_accents = read_flag(options, "strip_accents", rules.lower_case, options_path);
    rules.chinese_words = read_flag(options, "tokenize_chinese_chars", true, options_path);
    state = std::make_unique<State>(WordPiece(vocabulary, rules, vocab_path.string()));
    state->second_type = true;
    identity += fmt::format("wordpiece {} {} {}", rules.lower_case, rules.strip_accents,
                            rules.chinese_words);
  }
  state->begin = require_token(vocabulary, roberta ? "<s>" : "[CLS]", vocab_path.string());
  state->end = require_token(vocabulary, roberta ? "</s>" : "[SEP]", vocab_path.string());
  for (const char* token :
       {"<s>", "<pad>", "</s>", "<unk>", "<mask>", "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) {
    const auto found = vocabulary.find(token);
    if ((token[0] == '<') == roberta && found != vocabulary.end()) {
      state->specials.push_back({token, found->second});
    }
  }
  for (const auto& [token, id] : vocabulary)
    state->vocab_size = std::max(state->vocab_size, id + 1);
  const int model_size = read_count(config, "vocab_size", state->vocab_size, config_path);
  if (state->vocab_size > model_size) {
    throw InputError(fmt::format("{}: ids up to {}, but {} has vocab_size {}", vocab_path.string(),
                                 state->vocab_size - 1, config_path.string(), model_size));
  }
  // RoBERTa's positions count from pad_token_id + 1.
  const int positions = read_count(config, "max_position_embeddings", INT_MAX, config_path);
  const int unused = roberta ? read_count(config, "pad_token_id", 1, config_path) + 1 : 0;
  state->max_length = positions == INT_MAX ? INT_MAX : positions - unused;
  state->content_hash = io::content_hash(identity);
  return Tokenizer(std::move(state));
}

Encoding Tokenizer::encode(std::string_view text_a, std::optional<std::string_view> text_b,
                           int max_length) const {
  State& state = *state_;
  const bool pair = text_b.has_value() && !text_b->empty();
  const int specials = pair ? 2 + state.separators : 2;
  const int limit = std::min(max_length, state.max_length);
  if (limit < specials) {
    throw InputError(
        fmt::format("max_length {} has no room for the {} special tokens", limit, specials));
  }
  std::vector<std::int32_t> a, b;
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
    shorter.resize(n1);
    longer.resize(n2);
  }

  encoding.ids.reserve(a.size() + b.size() + static_cast<std::size_t>(specials));
  encoding.ids.push_back(state.begin);
  encoding.ids.insert(encoding.ids.end(), a.begin(), a.end());
  encoding.ids.push_back(state.end);
  const std::size_t first_part = encoding.ids.size();
  if (pair) {
    if (state.separators == 2) encoding.ids.push_back(state.end);
    encoding.ids.insert(encoding.ids.end(), b.begin(), b.end());
    encoding.ids.push_back(state.end);
  }
  encoding.types.assign(encoding.ids.size(), 0);
  if (state.second_type) {
    std::fill(encoding.types.begin() + static_cast<std::ptrdiff_t>(first_part),
              encoding.types.end(), std::uint8_t{1});
  }
  return encoding;
}

}  // namespace runner::data
