#include "spec/preflight.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "data/glue.hpp"
#include "io/file.hpp"

namespace runner::spec {
namespace {

namespace fs = std::filesystem;

class Preflight {
 public:
  void need(const fs::path& path, std::string_view what) {
    if (!is_file(path)) missing_.push_back(fmt::format("{}: {}", path.string(), what));
  }
  static bool is_file(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
  }
  std::vector<std::string> take() { return std::move(missing_); }

 private:
  std::vector<std::string> missing_;
};

// A JSON file, or null when it is not there or not JSON: the loader says what is wrong with it.
nlohmann::json json_or_null(const fs::path& path) {
  if (!Preflight::is_file(path)) return nullptr;
  return nlohmann::json::parse(io::read_file(path), nullptr, false);
}

void need_weights(const fs::path& model, Preflight& files) {
  const fs::path single = model / "model.safetensors";
  const fs::path index = model / "model.safetensors.index.json";
  if (Preflight::is_file(single)) return;
  if (!Preflight::is_file(index)) {
    files.need(single, "the model's weights");
    return;
  }
  const nlohmann::json json = json_or_null(index);
  if (!json.is_object() || !json.contains("weight_map")) return;
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : json["weight_map"].items()) {
    if (shard.is_string()) shards.insert(shard.get<std::string>());
  }
  for (const std::string& shard : shards) files.need(model / shard, "a shard of the weights");
}

void need_vocabulary(const fs::path& model, Preflight& files) {
  const nlohmann::json config = json_or_null(model / "config.json");
  const bool bert = config.is_object() && config.contains("model_type")
                        ? config["model_type"] == "bert"
                        : Preflight::is_file(model / "vocab.txt");
  if (bert) {
    files.need(model / "vocab.txt", "the model's WordPiece vocabulary");
  } else {
    files.need(model / "vocab.json", "the model's BPE vocabulary");
    files.need(model / "merges.txt", "the model's BPE merges");
  }
}

}  // namespace

std::vector<std::string> missing_files(const Spec& spec) {
  Preflight files;
  files.need(spec.model / "config.json", "the model's configuration");
  need_weights(spec.model, files);
  need_vocabulary(spec.model, files);
  for (const TaskEntry& entry : spec.tasks) {
    for (const fs::path& path : data::missing_files(entry.task, spec.glue_root)) {
      files.need(path, fmt::format("data of {}", entry.task.name));
    }
  }
  return files.take();
}

}  // namespace runner::spec
