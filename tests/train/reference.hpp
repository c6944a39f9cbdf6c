#pragma once

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "doctest/doctest.h"
#include "io/json.hpp"
#include "model/batch.hpp"
#include "model/checkpoint.hpp"
#include "places.hpp"

namespace runner {

// One of the tiny models that transformers ran (reference.json beside its checkpoint): a family's,
// in tests/families, or one of the folder RUNNER_REFERENCE.
struct ReferenceModel {
  model::Checkpoint checkpoint;
  io::Json json;
  int classes = 1;

  struct Batch {
    model::PackedBatch packed;
    std::vector<float> labels;
  };
  // The reference's batches are padded; the padding is left out.
  Batch batch(std::size_t index) const {
    const auto& source = json["batches"][index];
    Batch out;
    for (std::size_t row = 0; row < source["input_ids"].size(); ++row) {
      std::vector<std::int32_t> ids;
      std::vector<std::uint8_t> types;
      for (std::size_t i = 0; i < source["input_ids"][row].size(); ++i) {
        if (source["attention_mask"][row][i] == 0) continue;
        ids.push_back(source["input_ids"][row][i]);
        types.push_back(source["token_type_ids"][row][i]);
      }
      out.packed.add_row(checkpoint.config, ids, types);
      out.labels.push_back(source["labels"][row]);
    }
    return out;
  }
};

inline std::optional<ReferenceModel> load_reference(const std::string& name) {
  std::filesystem::path folder = source_dir() / "tests/families" / name;
  if (model::find_family(name) == nullptr) {
    const auto root = shared_folder("RUNNER_REFERENCE", "reference");
    if (!root) return std::nullopt;
    folder = *root / name;
  }
  ReferenceModel reference;
  reference.json = io::Json::parse(std::ifstream(folder / "reference.json"));
  std::vector<std::string> labels = model::read_config(folder).labels;
  if (labels.size() == 1) labels.clear();  // regression
  reference.checkpoint = model::load_checkpoint(folder, labels);
  reference.classes = labels.empty() ? 1 : static_cast<int>(labels.size());
  return reference;
}

}  // namespace runner
