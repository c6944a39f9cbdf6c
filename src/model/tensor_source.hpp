#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/safetensors.hpp"

namespace runner::model {

// All tensors of a model's folder, from model.safetensors or from the shards that its index names.
class TensorSource {
 public:
  // Throws InputError where there are no weights, saying what is there instead, and on an index or
  // a file that is broken.
  explicit TensorSource(const std::filesystem::path& folder);

  const std::string& name() const { return name_; }  // the file's, for messages
  const std::map<std::string, const TensorView*>& tensors() const { return tensors_; }

 private:
  using WeightMap = std::map<std::string, std::string>;
  void read_index(const std::filesystem::path& folder, const std::filesystem::path& index);
  void add_file(const std::filesystem::path& path, const WeightMap* weight_map);

  std::string name_;
  std::vector<std::unique_ptr<Safetensors>> files_;
  std::map<std::string, const TensorView*> tensors_;
};

// What a model's folder lacks of config.json and weights, as lines "PATH: what it is".
std::vector<std::string> missing_files(const std::filesystem::path& folder);

}  // namespace runner::model
