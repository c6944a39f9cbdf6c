#include "model/config.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "model/relative.hpp"

namespace runner::model {
namespace {

using io::Json;

// One config.json with errors that name the file and the key.
class Reader {
 public:
  explicit Reader(std::filesystem::path path) : path_(std::move(path)) {
    json_ = io::parse_json(io::read_file(path_), path_.string());
    if (!json_.is_object()) fail("must hold a JSON object");
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw InputError(fmt::format("{}: {}", path_.string(), what));
  }

  // Absent and null are the same: Hugging Face writes both.
  const Json* value(std::string_view key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }

  int integer(std::string_view key, int low, std::optional<int> fallback = {},
              int high = 1'000'000'000) const {
    const Json* found = value(key);
    if (found == nullptr && fallback) return *fallback;
    if (found == nullptr) fail(fmt::format("key '{}' is missing", key));
    const std::optional<int> number = io::whole_number<int>(*found);
    if (!number || *number < low || *number > high)
      fail(fmt::format("key '{}' is {}: an integer from {} to {} is needed", key, found->dump(),
                       low, high));
    return *number;
  }

  double number(std::string_view key, double low, double high, double fallback) const {
    const Json* found = value(key);
    if (found == nullptr) return fallback;
    if (!found->is_number() || !(found->get<double>() >= low) || !(found->get<double>() <= high))
      fail(fmt::format("key '{}' is {}: a number from {} to {} is needed", key, found->dump(), low,
                       high));
    return found->get<double>();
  }

  std::string text(std::string_view key, const char* fallback) const {
    const Json* found = value(key);
    if (found == nullptr) return fallback;
    if (!found->is_string())
      fail(fmt::format("key '{}' is {}: a text is needed", key, found->dump()));
    return found->get<std::string>();
  }

  // What a head is for; empty where that is not said, or not in a way that names every id: it only
  // counts where the head is wanted.
  std::vector<std::string> labels() const {
    const Json* found = value("id2label");
    if (found == nullptr || !found->is_object()) return {};
    std::vector<std::string> labels;
    for (std::size_t id = 0; id < found->size(); ++id) {
      const auto label = found->find(std::to_string(id));
      if (label == found->end() || label->is_structured()) return {};
      labels.push_back(label->is_string() ? label->get<std::string>() : label->dump());
    }
    return labels;
  }

 private:
  std::filesystem::path path_;
  Json json_;
};

// Keys that make another network of the same tensors, or of others, and what they must be where
// they are there.
struct Refusal {
  std::string_view key, allowed;
};
constexpr std::array kRefusals = {
    Refusal{"is_decoder", "false"},         Refusal{"add_cross_attention", "false"},
    Refusal{"is_encoder_decoder", "false"}, Refusal{"position_embedding_type", "\"absolute\""},
    Refusal{"pruned_heads", "{}"},          Refusal{"quantization_config", "null"},
};

// What no encoder comes near, so that what is made of a config stays in bounds.
constexpr int kMostLayers = 10'000;
constexpr double kMostParameters = 1e11;

// Of the matrices; the largest products of two sizes fit a double.
double parameters_of(const EncoderConfig& config) {
  const double hidden = config.hidden_size, inner = config.intermediate_size;
  const double rows = 0.0 + config.vocab_size + config.max_positions + config.type_vocab_size;
  return rows * config.table_width() + (4.0 * hidden + 2.0 * inner) * hidden * config.layers;
}

void refuse_other_networks(const Reader& reader) {
  for (const Refusal& refusal : kRefusals) {
    const Json* found = reader.value(refusal.key);
    if (found != nullptr && found->dump() != refusal.allowed)
      reader.fail(fmt::format("key '{}' is {}: such a network is not known, only {}", refusal.key,
                              found->dump(), refusal.allowed));
  }
}

}  // namespace

EncoderConfig read_config(const std::filesystem::path& folder) {
  const Reader reader(folder / "config.json");
  EncoderConfig config;
  const std::string type = reader.text("model_type", "");
  config.family = find_family(type);
  if (config.family == nullptr) {
    std::vector<std::string_view> known;
    for (const Family& family : families()) known.push_back(family.model_type);
    reader.fail(
        fmt::format("key 'model_type' is '{}': one of {} is needed", type, fmt::join(known, ", ")));
  }
  const Family& family = *config.family;
  const ConfigKeys& keys = *family.keys;
  config.vocab_size = reader.integer("vocab_size", 1);
  config.hidden_size = reader.integer(keys.hidden_size, 1);
  config.layers = reader.integer(keys.layers, 1, {}, kMostLayers);
  config.heads = reader.integer(keys.heads, 1);
  config.intermediate_size = reader.integer(keys.intermediate_size, 1);
  config.max_positions = reader.integer("max_position_embeddings", 1);
  config.type_vocab_size =
      family.type_vocab_size > 0 ? reader.integer("type_vocab_size", 1, family.type_vocab_size) : 0;
  if (family.embedding_size > 0)
    config.embedding_size = reader.integer("embedding_size", 1, family.embedding_size);
  if (const double parameters = parameters_of(config); parameters > kMostParameters)
    reader.fail(fmt::format("describes a network of {:.1e} parameters; at most {:.0e} are known",
                            parameters, kMostParameters));
  config.pad_token_id = reader.integer(keys.pad_token_id, 0, family.pad_token_id);
  config.layer_norm_eps = reader.number(keys.layer_norm_eps, 0.0, 1.0, 1e-12);
  config.initializer_range = reader.number("initializer_range", 0.0, 1e3, 0.02);
  config.dropout = reader.number(keys.dropout, 0.0, 0.99, 0.1);
  config.attention_dropout = reader.number(keys.attention_dropout, 0.0, 0.99, 0.1);
  config.head_dropout =
      reader.number(keys.head_dropout, 0.0, 0.99,
                    family.head.dropout < 0.0 ? config.dropout : family.head.dropout);
  config.labels = reader.labels();
  if (config.hidden_size % config.heads != 0)
    reader.fail(fmt::format("{} {} is not a multiple of {} {}", keys.hidden_size,
                            config.hidden_size, keys.heads, config.heads));
  if (config.pad_token_id >= config.vocab_size)
    reader.fail(fmt::format("pad_token_id {} is outside the vocabulary of {}", config.pad_token_id,
                            config.vocab_size));
  if (config.max_length() < 1)
    reader.fail(fmt::format("max_position_embeddings {} leaves no position for a token",
                            config.max_positions));
  refuse_other_networks(reader);
  const std::string activation = reader.text(keys.activation, "gelu");
  if (activation != "gelu" && activation != "gelu_python")  // both exact
    reader.fail(fmt::format("key '{}' is '{}': only gelu is known", keys.activation, activation));
  if (family.relative_bias &&
      reader.integer("relative_attention_num_buckets", 1, kRelativeBuckets) != kRelativeBuckets)
    reader.fail(
        fmt::format("key 'relative_attention_num_buckets': only {} is known", kRelativeBuckets));
  return config;
}

std::string config_json(const EncoderConfig& config) {
  const Family& family = *config.family;
  const ConfigKeys& keys = *family.keys;
  nlohmann::ordered_json json;
  json["architectures"] = {family.architecture};
  json["model_type"] = family.model_type;
  json["vocab_size"] = config.vocab_size;
  json[keys.hidden_size] = config.hidden_size;
  json[keys.layers] = config.layers;
  json[keys.heads] = config.heads;
  json[keys.intermediate_size] = config.intermediate_size;
  json["max_position_embeddings"] = config.max_positions;
  if (family.type_vocab_size > 0) json["type_vocab_size"] = config.type_vocab_size;
  if (family.embedding_size > 0) json["embedding_size"] = config.table_width();
  if (family.relative_bias) json["relative_attention_num_buckets"] = kRelativeBuckets;
  json["pad_token_id"] = config.pad_token_id;
  if (family.positions_from_pad) {
    json["bos_token_id"] = 0;
    json["eos_token_id"] = 2;
  }
  json[keys.activation] = "gelu";
  if (!keys.layer_norm_eps.empty()) json[keys.layer_norm_eps] = config.layer_norm_eps;
  json["initializer_range"] = config.initializer_range;
  json[keys.dropout] = config.dropout;
  json[keys.attention_dropout] = config.attention_dropout;
  if (!keys.head_dropout.empty()) json[keys.head_dropout] = config.head_dropout;
  const bool regression = config.labels.empty();
  const std::vector<std::string> labels =
      regression ? std::vector<std::string>{"LABEL_0"} : config.labels;
  auto names = nlohmann::ordered_json::object(), ids = names;
  for (std::size_t id = 0; id < labels.size(); ++id) {
    names[std::to_string(id)] = labels[id];
    ids[labels[id]] = id;
  }
  json["id2label"] = names;
  json["label2id"] = ids;
  json["problem_type"] = regression ? "regression" : "single_label_classification";
  json["dtype"] = "float32";
  return json.dump(2) + "\n";
}

}  // namespace runner::model
