#include "spec/preflight.hpp"

#include <fmt/format.h>

#include "data/glue.hpp"
#include "data/tokenizer_folder.hpp"

namespace runner::spec {
namespace fs = std::filesystem;

std::vector<std::string> missing_files(const Spec& spec) {
  std::vector<std::string> missing;
  for (const fs::path& path : data::missing_tokenizer_files(spec.model))
    missing.push_back(fmt::format("{}: the model's vocabulary", path.string()));
  for (const TaskEntry& entry : spec.tasks)
    for (const fs::path& path : data::missing_files(entry.task, spec.glue_root))
      missing.push_back(fmt::format("{}: data of {}", path.string(), entry.task.name));
  return missing;
}

}  // namespace runner::spec
