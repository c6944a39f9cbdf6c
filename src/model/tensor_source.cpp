#include "model/tensor_source.hpp"

#include <fmt/format.h>

#include <array>
#include <set>
#include <string_view>

#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"

namespace runner::model {
namespace fs = std::filesystem;
namespace {

constexpr const char *kSingle = "model.safetensors", *kIndex = "model.safetensors.index.json";

// Files that hold a model's weights in ways that are not read.
struct OtherWeights {
  std::string_view file, what;
};
constexpr std::string_view kPyTorch =
    "PyTorch's pickle, which is not read; docs/models.md has the line that writes it as "
    "model.safetensors";
constexpr std::string_view kOtherLibrary =
    "another library's, which is not read; transformers' from_pretrained and save_pretrained write "
    "it as model.safetensors";
constexpr std::array kOtherWeights = {
    OtherWeights{"pytorch_model.bin", kPyTorch},
    OtherWeights{"pytorch_model.bin.index.json", kPyTorch},
    OtherWeights{"tf_model.h5", kOtherLibrary},
    OtherWeights{"flax_model.msgpack", kOtherLibrary},
    OtherWeights{"model.onnx", kOtherLibrary},
    OtherWeights{"model.safetensors.gz", "packed: unpack it with gunzip"},
    OtherWeights{"adapter_model.safetensors",
                 "an adapter's, not the model's; merge_and_unload of its library makes a model"},
};

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// "there is no model.safetensors", and what there is instead.
std::string no_weights(const fs::path& folder) {
  std::string text = fmt::format("there is no {} and no {}", kSingle, kIndex);
  for (const OtherWeights& other : kOtherWeights)
    if (is_file(folder / other.file))
      return fmt::format("{}; {} is {}", text, other.file, other.what);
  return text;
}

// From tensor to file.
std::map<std::string, std::string> read_weight_map(const fs::path& index) {
  const io::Json json = io::parse_json(io::read_file(index), index.string());
  try {
    return json.at("weight_map").get<std::map<std::string, std::string>>();
  } catch (const io::Json::exception& error) {
    throw InputError(fmt::format("{}: a 'weight_map' from tensor to file is needed: {}",
                                 index.string(), error.what()));
  }
}

}  // namespace

TensorSource::TensorSource(const fs::path& folder) {
  const fs::path single = folder / kSingle, index = folder / kIndex;
  if (fs::exists(single)) {
    name_ = single.string();
    add_file(single, nullptr);
  } else if (fs::exists(index)) {
    name_ = index.string();
    read_index(folder, index);
  } else {
    throw InputError(fmt::format("{}: {}", folder.string(), no_weights(folder)));
  }
}

void TensorSource::read_index(const fs::path& folder, const fs::path& index) {
  const WeightMap weight_map = read_weight_map(index);
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : weight_map) {
    if (fs::path(shard).filename() != shard)
      throw InputError(
          fmt::format("{}: shard '{}' is not a plain file name", index.string(), shard));
    shards.insert(shard);
  }
  for (const std::string& shard : shards) add_file(folder / shard, &weight_map);
  for (const auto& [tensor, shard] : weight_map)
    if (!tensors_.contains(tensor))
      throw InputError(fmt::format("{}: tensor '{}' is not in {}", index.string(), tensor, shard));
}

void TensorSource::add_file(const fs::path& path, const WeightMap* weight_map) {
  files_.push_back(std::make_unique<Safetensors>(path));
  for (const TensorView& tensor : files_.back()->tensors()) {
    if (weight_map != nullptr && !weight_map->contains(tensor.name))
      throw InputError(
          fmt::format("{}: tensor '{}' is not in the index", path.string(), tensor.name));
    if (!tensors_.emplace(tensor.name, &tensor).second)
      throw InputError(
          fmt::format("{}: tensor '{}' is in another shard too", path.string(), tensor.name));
  }
}

std::vector<std::string> missing_files(const fs::path& folder) {
  std::vector<std::string> missing;
  const auto need = [&](const fs::path& path, std::string_view what) {
    if (!is_file(path)) missing.push_back(fmt::format("{}: {}", path.string(), what));
  };
  need(folder / "config.json", "the model's configuration");
  if (is_file(folder / kSingle)) return missing;
  if (!is_file(folder / kIndex)) {
    need(folder / kSingle, fmt::format("the model's weights ({})", no_weights(folder)));
    return missing;
  }
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : read_weight_map(folder / kIndex)) shards.insert(shard);
  for (const std::string& shard : shards) need(folder / shard, "a shard of the weights");
  return missing;
}

}  // namespace runner::model
