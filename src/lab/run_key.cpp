#include "lab/run_key.hpp"

#include <fmt/format.h>

#include "experiment/version.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "spec/variables.hpp"
#include "train/cuda_graph.hpp"

namespace runner::lab {
namespace {

using json = io::Json;

using experiment::kTrainerVersion;
constexpr int kGpuVersion = 3;  // likewise of runs on a GPU alone

}  // namespace

std::string run_key(const Inputs& inputs, const experiment::RunRequest& request,
                    const spec::Spec& spec, const train::Device& device) {
  spec::Trial trial;
  trial.train = request.options;
  json options = json::object();
  for (const spec::VariableRow& variable : spec::variables()) {
    if (!variable.is_inner()) options[std::string(variable.name)] = variable.get(trial);
  }
  json key = {
      {"trainer", kTrainerVersion},
      {"data", inputs.data},
      {"split", {spec.holdout, spec.max_train_rows, spec.max_selection_rows, request.split_seed}},
      {"start", inputs.model},
      {"options", options},
      {"seed", request.seed},
      {"device", device.is_cpu() ? "cpu" : "cuda"}};
  if (!device.is_cpu()) {
    key["gpu"] = {kGpuVersion, spec.deterministic, train::has_cuda_graphs()};
  }
  for (const experiment::Rung& rung : request.rungs) key["rungs"].push_back(rung.share);
  return io::content_hash(key.dump());
}

std::string stopped_key(const std::string& key, std::int64_t step) {
  return io::content_hash(fmt::format("{} stopped after step {}", key, step));
}

}  // namespace runner::lab
