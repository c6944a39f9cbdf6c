#include "cli/check_files.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "cli/engine.hpp"
#include "cli/forecast_text.hpp"
#include "data/glue.hpp"
#include "data/tokenizer.hpp"
#include "experiment/forecast.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "model/checkpoint.hpp"
#include "model/tensor_source.hpp"
#include "spec/preflight.hpp"

namespace runner::cli {
namespace fs = std::filesystem;

namespace {

// What the plan writes at most at once against what its disk has left; empty: it fits.
std::string lack_of_disk(const spec::Spec& spec, double bytes) {
  fs::path place = fs::absolute(spec.runs_root);
  while (!fs::exists(place) && place.has_parent_path()) place = place.parent_path();
  std::error_code error;
  const fs::space_info space = fs::space(place, error);
  const auto free = static_cast<double>(space.available);
  if (error || free >= bytes) return {};
  return fmt::format("{}: {} are free, and the plan keeps {} of snapshots", spec.runs_root.string(),
                     io::size_text(free), io::size_text(bytes));
}

}  // namespace

std::vector<std::string> missing_files(const spec::Spec& spec) {
  std::vector<std::string> missing = model::missing_files(spec.model);
  const std::vector<std::string> data = spec::missing_files(spec);
  missing.insert(missing.end(), data.begin(), data.end());
  return missing;
}

void require_files(const spec::Spec& spec) {
  const std::vector<std::string> missing = cli::missing_files(spec);
  if (missing.empty()) return;
  throw InputError(
      fmt::format("{}: {} {} missing:\n  {}\nGLUE's folders are looked for below data.root or "
                  "RUNNER_GLUE, models "
                  "below models_root or RUNNER_MODELS; docs/glue.md says how to lay them out",
                  spec.file.string(), missing.size(), missing.size() == 1 ? "file is" : "files are",
                  fmt::join(missing, "\n  ")));
}

std::vector<std::string> check_files(const spec::Spec& spec) {
  std::vector<std::string> problems, notes;
  const auto add_new = [](std::vector<std::string>& lines, const std::string& line) {
    if (std::ranges::find(lines, line) == lines.end()) lines.push_back(line);
  };
  const auto attempt = [&](const auto& work) {
    try {
      work();
    } catch (const InputError& error) {
      add_new(problems, error.what());
    }
  };
  attempt([&] {
    if (!spec.device.starts_with("cuda") || engine().libtorch_has_cuda()) return;
    throw InputError(fmt::format(
        "device '{}': this LibTorch ({}) is one for CPUs; docs/gpu.md says how to take another",
        spec.device, engine().libtorch_version));
  });
  attempt([&] {
    const data::Tokenizer tokenizer = data::Tokenizer::load(spec.model);
    for (const std::string& note : tokenizer.notes()) add_new(notes, note);
  });
  std::set<std::vector<std::string>> heads;
  for (const spec::TaskEntry& entry : spec.tasks) {
    if (heads.insert(entry.task.labels).second)
      attempt([&] {
        const model::Checkpoint start = model::load_checkpoint(spec.model, entry.task.labels);
        for (const std::string& note : start.notes) add_new(notes, note);
      });
    std::vector<data::SplitFile> splits = entry.task.dev;
    splits.insert(splits.begin(), entry.task.train);
    for (const data::SplitFile& split : splits)
      attempt([&] { data::read_split(entry.task, split, spec.glue_root); });
  }
  if (problems.empty())
    attempt([&] {
      if (needs_rate(spec)) return;  // what hours buy only `plan` can tell
      const auto pricing = engine().make_pricing(spec);
      const experiment::Forecast cost = experiment::forecast(spec, *pricing);
      for (const Bought& search : bought(spec, cost)) {
        if (search.fewest < 2 * search.starts) {
          add_new(search.never_asked() ? problems : notes, search.text());
        }
      }
      const double planned = snapshot_bytes(spec, cost);
      const std::string lack =
          lack_of_disk(spec, std::min(planned, static_cast<double>(spec.store_limit)));
      if (!lack.empty()) throw InputError(lack);
    });
  if (!problems.empty())
    throw InputError(fmt::format("{}: {} {} would end a run:\n  {}", spec.file.string(),
                                 problems.size(), problems.size() == 1 ? "problem" : "problems",
                                 fmt::join(problems, "\n  ")));
  return notes;
}

}  // namespace runner::cli
