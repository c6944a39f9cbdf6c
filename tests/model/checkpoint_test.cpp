#include "model/checkpoint.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>

#include "doctest/doctest.h"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "model/safetensors.hpp"
#include "model/tensor_source.hpp"
#include "places.hpp"
#include "tiny_config.hpp"

using namespace runner;
namespace fs = std::filesystem;

namespace {

const fs::path kFolder = fs::temp_directory_path() / "runner_checkpoint_test";

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

// A note on kFolder.
std::vector<std::string> said(const std::string& what) { return {kFolder.string() + ": " + what}; }

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
  CHECK(loaded.notes.empty());
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
  CHECK(loaded.notes ==
        said("the head for [no, maybe, yes] is replaced by a fresh one for [a, b]"));
  CHECK(model::load_checkpoint(kFolder, {}).notes ==
        said("the head for [no, maybe, yes] is replaced by a fresh one for regression"));

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
  const model::Checkpoint loaded = model::load_checkpoint(kFolder, {"no", "yes"});
  CHECK(loaded.weights == saved.weights);
  CHECK(loaded.notes == said("left aside, for nothing reads it: roberta.embeddings.position_ids, "
                             "lm_head.bias, roberta.pooler.dense.bias"));
}

TEST_CASE("a head whose labels differ in case alone is kept") {
  write_model({"NO", "Yes", "YES"});
  CHECK_FALSE(model::load_checkpoint(kFolder, {"YES", "no", "Yes"}).fresh_head);
  CHECK(model::load_checkpoint(kFolder, {"yes", "no", "yEs"}).fresh_head);  // which is which?
}

TEST_CASE("id2label blocks nothing where it names no labels, and its numbers are names") {
  write_model({"a", "b"});
  auto json = io::Json::parse(io::read_file(kFolder / "config.json"));
  const auto loaded = [&](const io::Json& names, const std::vector<std::string>& labels) {
    json["id2label"] = names;
    io::write_file_atomic(kFolder / "config.json", json.dump());
    return model::load_checkpoint(kFolder, labels);
  };
  CHECK_FALSE(loaded({{"0", 0}, {"1", 1}}, {"1", "0"}).fresh_head);
  for (const io::Json& names :
       {io::Json(nullptr), io::Json::array({"a", "b"}), io::Json{{"0", "a"}, {"2", "b"}}}) {
    CAPTURE(names.dump());
    const model::Checkpoint other = loaded(names, {"a", "b"});
    CHECK(other.fresh_head);
    CHECK(other.notes ==
          said("the head for [LABEL_0, LABEL_1] is replaced by a fresh one for [a, b]"));
  }
}

TEST_CASE("a BERT without its pooler gets a fresh one, which a seed decides") {
  fs::remove_all(kFolder);
  model::EncoderConfig config = tiny_config({"no", "yes"});
  config.family = model::find_family("bert");
  config.pad_token_id = 0;
  io::write_file_atomic(kFolder / "config.json", model::config_json(config));
  const model::Checkpoint saved = model::random_checkpoint(kFolder, {"no", "yes"}, 1);
  auto tensors = tensors_of(saved);
  std::erase_if(tensors, [](const auto& t) { return t.name.starts_with("bert.pooler."); });
  model::write_safetensors(kFolder / "model.safetensors", tensors);
  model::Checkpoint loaded = model::load_checkpoint(kFolder, {"no", "yes"});
  CHECK(loaded.fresh_head);
  CHECK(loaded.fresh_pooler);
  CHECK(loaded.notes == said("there is no pooler: it begins fresh, as the head does"));
  CHECK(values(loaded, "bert.encoder.layer.0.output.dense.weight") ==
        values(saved, "bert.encoder.layer.0.output.dense.weight"));
  std::vector<float> first = loaded.weights, second = loaded.weights;
  model::init_head(loaded.config, loaded.layout, first, model::HeadInit::normal, 3, true);
  model::init_head(loaded.config, loaded.layout, second, model::HeadInit::normal, 4, true);
  CHECK(first != second);
  const model::Parameter& dense = loaded.layout.weight(model::Part::dense);
  CHECK(first[static_cast<std::size_t>(dense.offset)] != 0.0F);

  tensors = tensors_of(saved);  // half a pooler is a broken file
  std::erase_if(tensors, [](const auto& t) { return t.name == "bert.pooler.dense.bias"; });
  model::write_safetensors(kFolder / "model.safetensors", tensors);
  CHECK(complaint({"no", "yes"}).find("'bert.pooler.dense.bias' is missing") != std::string::npos);
}

TEST_CASE("tensors of another network are refused, of other heads left aside") {
  const model::Checkpoint saved = write_model({"no", "yes"});
  const std::vector<float> more(8);
  for (const auto& [name, refused] :
       {std::pair("roberta.encoder.layer.1.output.dense.bias", true),
        {"encoder.layer.0.attention.self.distance_embedding.weight", true},
        {"roberta.embeddings.token_type_ids", false},
        {"qa_outputs.bias", false},
        {"classifier.bias", false}}) {
    CAPTURE(name);
    auto tensors = tensors_of(saved);
    tensors.push_back({name, {8}, more});
    model::write_safetensors(kFolder / "model.safetensors", tensors);
    CHECK((complaint({"no", "yes"}).find("is unexpected") != std::string::npos) == refused);
    if (!refused) CHECK(model::load_checkpoint(kFolder, {"no", "yes"}).notes.size() == 1);
  }
}

TEST_CASE("weights that are not read are named, with what to do") {
  write_model({"no", "yes"});
  const std::string whole = io::read_file(kFolder / "model.safetensors");
  const auto message = [&](const char* file, const std::string& bytes) {
    fs::remove(kFolder / "model.safetensors");
    io::write_file_atomic(kFolder / file, bytes);
    std::string text = complaint({"no", "yes"});
    fs::remove(kFolder / file);
    return text;
  };
  CHECK(message("pytorch_model.bin", "PK").find("pytorch_model.bin is PyTorch's pickle") !=
        std::string::npos);
  CHECK(message("tf_model.h5", "").find("save_pretrained") != std::string::npos);
  CHECK(message("model.safetensors.gz", "").find("gunzip") != std::string::npos);
  const char* file = "model.safetensors";
  CHECK(message(file, "version https://git-lfs.github.com/spec/v1\n").find("git lfs pull") !=
        std::string::npos);
  CHECK(message(file, "\n <!DOCTYPE html><html>").find("is an HTML page") != std::string::npos);
  CHECK(message(file, "\x1f\x8b\x08").find("gunzip") != std::string::npos);
  CHECK(message(file, std::string("PK\x03\x04") + whole).find("a zip archive") !=
        std::string::npos);
  io::write_file_atomic(kFolder / file, whole);
  io::write_file_atomic(kFolder / "config.json", "<html>");
  CHECK(complaint({"no", "yes"}).find("config.json is an HTML page") != std::string::npos);
}

TEST_CASE("shards load through their index, and a broken index is named") {
  const model::Checkpoint saved = write_model({"no", "yes"});
  const auto tensors = tensors_of(saved);
  fs::remove(kFolder / "model.safetensors");
  model::write_safetensors(kFolder / "a.safetensors", std::span(tensors).first(5));
  model::write_safetensors(kFolder / "b.safetensors", std::span(tensors).subspan(5));
  io::Json index;
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

TEST_CASE("missing files of a model are named, all shards among them") {
  fs::remove_all(kFolder);
  const auto at = [](const char* file) { return (kFolder / file).string(); };
  const std::vector<std::string> none = model::missing_files(kFolder);
  REQUIRE(none.size() == 2);
  CHECK(none[0] == at("config.json") + ": the model's configuration");
  CHECK(none[1].starts_with(at("model.safetensors") + ": the model's weights"));
  io::write_file_atomic(kFolder / "pytorch_model.bin", "");
  CHECK(model::missing_files(kFolder)[1].find("pytorch_model.bin is") != std::string::npos);
  io::write_file_atomic(kFolder / "model.safetensors.index.json",
                        R"({"weight_map": {"x": "1.safetensors", "y": "2.safetensors"}})");
  io::write_file_atomic(kFolder / "1.safetensors", "");
  CHECK(model::missing_files(kFolder)[1] == at("2.safetensors") + ": a shard of the weights");
  write_model({"no", "yes"});
  CHECK(model::missing_files(kFolder).empty());
}

TEST_CASE("every tensor that does not fit is listed in one error") {
  const model::Checkpoint saved = write_model({"no", "yes"});
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
}

TEST_CASE("tensors that hold what is no number are listed in one error") {
  model::Checkpoint saved = write_model({"no", "yes"});
  const model::Parameter& dense = saved.layout.find("classifier.dense.bias");
  saved.weights[static_cast<std::size_t>(dense.offset)] = std::numeric_limits<float>::quiet_NaN();
  saved.weights[static_cast<std::size_t>(dense.offset) + 1] =
      std::numeric_limits<float>::infinity();
  saved.weights[0] = -std::numeric_limits<float>::infinity();
  model::write_safetensors(kFolder / "model.safetensors", tensors_of(saved));
  const std::string message = complaint({"no", "yes"});
  CHECK(message.find("'roberta.embeddings.word_embeddings.weight' holds 1 values that are NaN") !=
        std::string::npos);
  CHECK(message.find("'classifier.dense.bias' holds 2 values that are NaN or infinite") !=
        std::string::npos);
}

TEST_CASE("a file's tensors bound what a config may ask for, and many names are soon read") {
  write_model({"no", "yes"});
  io::Json config = io::Json::parse(io::read_file(kFolder / "config.json"));
  config["hidden_size"] = 90'000;  // 3e11 bytes of weights, if one believed it
  io::write_file_atomic(kFolder / "config.json", config.dump());
  CHECK(complaint({"no", "yes"}).find("has shape [20, 8] but [20, 90000] is needed") !=
        std::string::npos);

  write_model({"no", "yes"});
  config = io::Json::parse(io::read_file(kFolder / "config.json"));
  for (int id = 0; id < 30'000; ++id) {
    config["id2label"][std::to_string(id)] = "name" + std::to_string(id);
  }
  io::write_file_atomic(kFolder / "config.json", config.dump());
  const std::string file = io::read_file(kFolder / "model.safetensors");
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  io::Json header = io::Json::parse(file.substr(8, length));
  for (int i = 0; i < 30'000; ++i) {
    header["left." + std::to_string(i)] = {
        {"dtype", "F32"}, {"shape", {0}}, {"data_offsets", {0, 0}}};
  }
  const std::string text = header.dump(), data = file.substr(8 + length);
  length = text.size();
  io::write_file_atomic(kFolder / "model.safetensors",
                        std::string(reinterpret_cast<const char*>(&length), 8) + text + data);
  const model::Checkpoint loaded = model::load_checkpoint(kFolder, {"a", "b"});
  CHECK(loaded.fresh_head);
  CHECK(loaded.notes.front().ends_with(
      "name19, and 29980 more] is replaced by a fresh one for [a, b]"));
  CHECK(loaded.notes.back().ends_with("left (30000 tensors)"));
}

TEST_CASE("the published small encoders load with a fresh head") {
  const auto models = shared_folder("RUNNER_MODELS", "models");
  if (!models) return;
  for (const char* name : {"minilm-roberta", "minilm-bert"}) {
    CAPTURE(name);
    const model::Checkpoint checkpoint = model::load_checkpoint(*models / name, {"no", "yes"});
    CHECK(checkpoint.fresh_head);
    CHECK(checkpoint.notes.front().find("no head") != std::string::npos);
    CHECK(checkpoint.config.max_length() == 512);
    double sum = 0.0;
    for (const float weight : checkpoint.weights) sum += std::abs(weight);
    CHECK(sum > 1000.0);
  }
}
