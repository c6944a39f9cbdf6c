#include "model/fine_tuned.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"

namespace runner::model {
namespace fs = std::filesystem;
namespace {

// How Hugging Face reads the outputs; empty: by their number.
std::string problem_type(const fs::path& folder) {
  // read_config has found it to be an object.
  const io::Json json = io::read_json_object(folder / "config.json");
  const auto found = json.find("problem_type");
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

Checkpoint load_fine_tuned(const fs::path& folder) {
  std::vector<std::string> labels = read_config(folder).labels;
  if (labels.empty()) labels = {"LABEL_0", "LABEL_1"};  // what Hugging Face leaves out
  const std::string problem = problem_type(folder);
  const auto refuse = [&](const std::string& what) {
    throw InputError(fmt::format("{}: {}", (folder / "config.json").string(), what));
  };
  if (problem == "multi_label_classification" || (problem == "regression" && labels.size() > 1)) {
    refuse(
        fmt::format("key 'problem_type' is '{}' of {} outputs: one label of several or one "
                    "number is needed",
                    problem, labels.size()));
  }
  if (std::set<std::string>(labels.begin(), labels.end()).size() != labels.size()) {
    refuse(fmt::format("key 'id2label' names several ids alike: {}", fmt::join(labels, ", ")));
  }
  if (labels.size() == 1) labels.clear();
  Checkpoint checkpoint = load_checkpoint(folder, labels);
  if (checkpoint.fresh_head) {
    throw InputError(fmt::format(
        "{}: has no fine-tuned head, and a fresh one says nothing: fine-tune it by 'runner "
        "FILE.yaml' and take the result by 'runner export'",
        folder.string()));
  }
  return checkpoint;
}

}  // namespace runner::model
