#include "model/checkpoint.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>

#include "doctest/doctest.h"
#include "io/error.hpp"
#include "io/file.hpp"
#include "model/safetensors.hpp"
#include "places.hpp"

using namespace runner;
namespace fs = std::filesystem;

namespace {

const fs::path kFolder = fs::temp_directory_path() / "runner_checkpoint_test";

model::EncoderConfig tiny_config(std::vector<std::string> labels) {
  model::EncoderConfig config;
  config.vocab_size = 20;
  config.hidden_size = 8;
  config.layers = 1;
  config.heads = 2;
  config.intermediate_size = 16;
  config.max_positions = 12;
  config.labels = std::move(labels);
  return config;
}

// A folder with a random model for these labels.
model::Checkpoint write_model(const std::vector<std::string>& labels) {
  fs::remove_all(kFolder);
  io::write_file_atomic(kFolder / "config.json", model::config_json(tiny_config(labels)));
  model::Checkpoint checkpoint = model::random_checkpoint(kFolder, labels, 1);
  model::save_checkpoint(kFolder, checkpoint.config, checkpoint.layout, checkpoint.weights,
                         kFolder / "none");
  return checkpoint;
}

std::vector<float> values(const model::Checkpoint& checkpoint, std::string_view name) {
  const model::Parameter& parameter = checkpoint.layout.find(name);
  const auto begin = checkpoint.weights.begin() + static_cast<std::ptrdiff_t>(parameter.offset);
  return {begin, begin + static_cast<std::ptrdiff_t>(parameter.size)};
}

std::string complaint(const std::vector<std::string>& labels) {
  try {
    model::load_checkpoint(kFolder, labels);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

std::vector<model::NamedTensor> tensors_of(const model::Checkpoint& checkpoint) {
  std::vector<model::NamedTensor> tensors;
  for (const model::Parameter& parameter : checkpoint.layout.parameters)
    tensors.push_back({parameter.name, parameter.shape,
                       std::span(checkpoint.weights)
                           .subspan(static_cast<std::size_t>(parameter.offset),
                                    static_cast<std::size_t>(parameter.size))});
  return tensors;
}

}  // namespace

TEST_CASE("the flat layout keeps query, key and value together and the rest aligned") {
  const model::EncoderConfig config = tiny_config({"no", "yes"});
  const model::Layout layout = model::make_layout(config, 2);
  const auto offset = [&](const std::string& name) {
    return layout.find("roberta.encoder.layer.0.attention.self." + name).offset;
  };
  CHECK(offset("key.weight") == offset("query.weight") + 64);
  CHECK(offset("value.weight") == offset("query.weight") + 128);
  CHECK(offset("value.bias") == offset("query.bias") + 16);
  std::int64_t end = 0;
  for (const model::Parameter& parameter : layout.parameters) {
    CHECK(parameter.offset >= end);
    if (parameter.name.find("attention.self") == std::string::npos)
      CHECK(parameter.offset % 16 == 0);
    end = parameter.offset + parameter.size;
  }
  CHECK(layout.size >= end);
  CHECK_THROWS_AS(layout.find("roberta.pooler"), std::out_of_range);

  const auto segments = model::make_segments(layout);
  CHECK(segments.front().begin == 0);
  CHECK(segments.front().kind == model::SegmentKind::word);
  for (std::size_t i = 1; i < segments.size(); ++i) CHECK(segments[i].begin == segments[i - 1].end);
  CHECK(segments.back().end == layout.size);
}

TEST_CASE("a saved checkpoint loads with the same weights") {
  const model::Checkpoint saved = write_model({"no", "yes"});
  const model::Checkpoint loaded = model::load_checkpoint(kFolder, {"no", "yes"});
  CHECK(loaded.weights == saved.weights);
  CHECK_FALSE(loaded.fresh_head);
  CHECK(loaded.note.empty());
  CHECK(loaded.config.labels == std::vector<std::string>{"no", "yes"});
}

TEST_CASE("a head's rows follow the label names") {
  const model::Checkpoint saved = write_model({"no", "maybe", "yes"});
  const model::Checkpoint loaded = model::load_checkpoint(kFolder, {"yes", "no", "maybe"});
  CHECK_FALSE(loaded.fresh_head);
  const auto before = values(saved, "classifier.out_proj.weight");
  const auto after = values(loaded, "classifier.out_proj.weight");
  CHECK(std::equal(after.begin(), after.begin() + 8, before.begin() + 16));
  CHECK(std::equal(after.begin() + 8, after.end(), before.begin()));
}

TEST_CASE("a head for other labels is replaced, and that is said") {
  write_model({"no", "maybe", "yes"});
  model::Checkpoint loaded = model::load_checkpoint(kFolder, {"a", "b"});
  CHECK(loaded.fresh_head);
  CHECK(loaded.note.find("[no, maybe, yes] is replaced by a fresh one for [a, b]") !=
        std::string::npos);
  CHECK(model::load_checkpoint(kFolder, {}).note.find("for regression") != std::string::npos);

  model::init_head(loaded.config, loaded.layout, loaded.weights, model::HeadInit::normal, 3);
  const auto dense = values(loaded, "classifier.dense.weight");
  double sum = 0.0;
  for (const float value : dense) sum += double{value} * double{value};
  CHECK(std::sqrt(sum / static_cast<double>(dense.size())) == doctest::Approx(0.02).epsilon(0.4));
  const auto bias = values(loaded, "classifier.dense.bias");
  CHECK(std::ranges::all_of(bias, [](float value) { return value == 0.0F; }));

  model::Checkpoint again = model::load_checkpoint(kFolder, {"a", "b"});
  model::init_head(again.config, again.layout, again.weights, model::HeadInit::normal, 3);
  CHECK(again.weights == loaded.weights);
  model::init_head(again.config, again.layout, again.weights, model::HeadInit::uniform, 3);
  for (const float value : values(again, "classifier.out_proj.bias"))
    CHECK(std::abs(value) <= 1.0F / std::sqrt(8.0F));
}

TEST_CASE("names load without the prefix and with the old LayerNorm names") {
  const model::Checkpoint saved = write_model({"no", "yes"});
  auto tensors = tensors_of(saved);
  for (auto& tensor : tensors) {
    if (tensor.name.starts_with("roberta.")) tensor.name.erase(0, 8);
    if (const auto at = tensor.name.find("LayerNorm.weight"); at != std::string::npos)
      tensor.name.replace(at, std::string::npos, "LayerNorm.gamma");
    if (const auto at = tensor.name.find("LayerNorm.bias"); at != std::string::npos)
      tensor.name.replace(at, std::string::npos, "LayerNorm.beta");
  }
  const std::vector<float> ignored(4);
  tensors.push_back({"lm_head.bias", {4}, ignored});
  tensors.push_back({"pooler.dense.bias", {4}, ignored});
  tensors.push_back({"roberta.embeddings.position_ids", {1, 4}, ignored});
  model::write_safetensors(kFolder / "model.safetensors", tensors);
  CHECK(model::load_checkpoint(kFolder, {"no", "yes"}).weights == saved.weights);
}

TEST_CASE("shards load through their index, and a broken index is named") {
  const model::Checkpoint saved = write_model({"no", "yes"});
  const auto tensors = tensors_of(saved);
  fs::remove(kFolder / "model.safetensors");
  model::write_safetensors(kFolder / "a.safetensors", std::span(tensors).first(5));
  model::write_safetensors(kFolder / "b.safetensors", std::span(tensors).subspan(5));
  nlohmann::json index;
  for (std::size_t i = 0; i < tensors.size(); ++i)
    index["weight_map"][tensors[i].name] = i < 5 ? "a.safetensors" : "b.safetensors";
  io::write_file_atomic(kFolder / "model.safetensors.index.json", index.dump());
  CHECK(model::load_checkpoint(kFolder, {"no", "yes"}).weights == saved.weights);

  index["weight_map"]["classifier.none"] = "a.safetensors";
  io::write_file_atomic(kFolder / "model.safetensors.index.json", index.dump());
  CHECK(complaint({"no", "yes"}).find("tensor 'classifier.none' is not in a.safetensors") !=
        std::string::npos);
  index["weight_map"]["classifier.none"] = "../a.safetensors";
  io::write_file_atomic(kFolder / "model.safetensors.index.json", index.dump());
  CHECK(complaint({"no", "yes"}).find("'../a.safetensors' is not a plain file name") !=
        std::string::npos);
}

TEST_CASE("every tensor that does not fit is listed in one error") {
  model::Checkpoint saved = write_model({"no", "yes"});
  const model::Parameter& dense = saved.layout.find("classifier.dense.bias");
  saved.weights[static_cast<std::size_t>(dense.offset)] = std::numeric_limits<float>::quiet_NaN();
  saved.weights[static_cast<std::size_t>(dense.offset) + 1] =
      std::numeric_limits<float>::infinity();
  auto tensors = tensors_of(saved);
  tensors[0].shape = {10, 16};
  tensors[1].name = "roberta.embeddings.other";
  model::write_safetensors(kFolder / "model.safetensors", tensors);
  const std::string message = complaint({"no", "yes"});
  CHECK(
      message.find("'roberta.embeddings.word_embeddings.weight' has shape [10, 16] but [20, 8] is "
                   "needed") != std::string::npos);
  CHECK(message.find("'roberta.embeddings.position_embeddings.weight' is missing") !=
        std::string::npos);
  CHECK(message.find("'roberta.embeddings.other' is unexpected") != std::string::npos);
  CHECK(message.find("'classifier.dense.bias' holds 2 values that are NaN or infinite") !=
        std::string::npos);
}

TEST_CASE("a config that cannot be served names the key") {
  fs::remove_all(kFolder);
  const auto message = [&](const std::string& key, const nlohmann::json& value) -> std::string {
    auto json = nlohmann::json::parse(model::config_json(tiny_config({"no", "yes"})));
    json[key] = value;
    io::write_file_atomic(kFolder / "config.json", json.dump());
    try {
      model::read_config(kFolder);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(message("hidden_size", "x").find("key 'hidden_size' is \"x\"") != std::string::npos);
  CHECK(message("hidden_size", nullptr).find("key 'hidden_size' is missing") != std::string::npos);
  CHECK(message("num_attention_heads", 3).find("not a multiple") != std::string::npos);
  CHECK(message("model_type", "t5")
            .find("one of roberta, xlm-roberta, camembert, bert, distilbert, electra, mpnet is "
                  "needed") != std::string::npos);
  CHECK(message("hidden_act", "relu").find("only gelu is known") != std::string::npos);
  CHECK(message("max_position_embeddings", 2).find("no position") != std::string::npos);
  CHECK(message("pad_token_id", nullptr).empty());
  CHECK(model::read_config(kFolder).pad_token_id == 1);
  CHECK(model::read_config(kFolder).max_length() == 10);
  io::write_file_atomic(kFolder / "config.json", "{");
  CHECK_THROWS_AS(model::read_config(kFolder), InputError);
}

TEST_CASE("the published small encoders load with a fresh head") {
  const auto models = shared_folder("RUNNER_MODELS", "models");
  if (!models) return;
  for (const char* name : {"minilm-roberta", "minilm-bert"}) {
    CAPTURE(name);
    const model::Checkpoint checkpoint = model::load_checkpoint(*models / name, {"no", "yes"});
    CHECK(checkpoint.fresh_head);
    CHECK(checkpoint.note.empty());
    CHECK(checkpoint.config.max_length() == 512);
    double sum = 0.0;
    for (const float weight : checkpoint.weights) sum += std::abs(weight);
    CHECK(sum > 1000.0);
  }
}
