#include "model/fine_tuned.hpp"

#include <filesystem>

#include "doctest/doctest.h"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "places.hpp"
#include "tiny_config.hpp"

using namespace runner;
namespace fs = std::filesystem;
using json = io::Json;

namespace {

// A folder with a random model for these labels, whose config.json `change` may change.
struct Folder {
  fs::path path = fs::temp_directory_path() / "runner_fine_tuned_test";
  std::vector<float> weights;

  explicit Folder(const std::vector<std::string>& labels) {
    fs::remove_all(path);
    io::write_file_atomic(path / "config.json", model::config_json(tiny_config(labels)));
    const model::Checkpoint checkpoint = model::random_checkpoint(path, labels, 1);
    model::save_checkpoint(path, checkpoint.config, checkpoint.layout, checkpoint.weights, "");
    weights = checkpoint.weights;
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  template <typename Change>
  void change_config(Change change) const {
    json config = json::parse(io::read_file(path / "config.json"));
    change(config);
    io::write_file_atomic(path / "config.json", config.dump());
  }
  std::string complaint() const {
    try {
      model::load_fine_tuned(path);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  }
};

}  // namespace

TEST_CASE("a fine-tuned folder is read with its labels in their order, to the bit") {
  const std::vector<std::string> labels = {"neutral", "contradiction", "entailment"};
  const Folder folder(labels);
  const model::Checkpoint read = model::load_fine_tuned(folder.path);
  CHECK(read.config.labels == labels);
  CHECK(read.weights == folder.weights);
  CHECK(model::load_fine_tuned(Folder({}).path).config.labels.empty());
}

TEST_CASE("Hugging Face's two labels without names are two labels") {
  const Folder folder({"LABEL_0", "LABEL_1"});
  folder.change_config([](json& config) {
    config.erase("id2label");
    config.erase("label2id");
  });
  const model::Checkpoint read = model::load_fine_tuned(folder.path);
  CHECK(read.config.labels == std::vector<std::string>{"LABEL_0", "LABEL_1"});
  CHECK(read.weights == folder.weights);
}

TEST_CASE("a folder whose outputs mean nothing, or something else, is refused by name") {
  const Folder folder({"a", "b"});
  folder.change_config([](json& config) { config["problem_type"] = "multi_label_classification"; });
  CHECK(folder.complaint() ==
        (folder.path / "config.json").string() +
            ": key 'problem_type' is 'multi_label_classification' of 2 outputs: one label of "
            "several or one number is needed");
  folder.change_config([](json& config) { config["problem_type"] = "regression"; });
  CHECK(folder.complaint().find("'regression' of 2 outputs") != std::string::npos);
  folder.change_config([](json& config) {
    config["problem_type"] = nullptr;
    config["id2label"]["1"] = "a";
  });
  CHECK(folder.complaint().find("names several ids alike: a, a") != std::string::npos);
}

TEST_CASE("an encoder without a head says nothing") {
  std::string words;
  try {
    model::load_fine_tuned(source_dir() / "data/tiny_roberta");
  } catch (const InputError& error) {
    words = error.what();
  }
  CHECK(words.find("has no fine-tuned head, and a fresh one says nothing") != std::string::npos);
}
