#include "report/signature.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "experiment/run.hpp"
#include "experiment/run_folder.hpp"
#include "experiment/version.hpp"
#include "io/checked.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "report/cells.hpp"
#include "spec/budget.hpp"

namespace runner::report {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kDigits = 8;  // of a hash: enough to tell apart what was not meant to differ

std::string short_hash(const std::string& text) {
  return io::content_hash(text).substr(0, kDigits);
}

// What was claimed for one task: of every max_length that its runs have asked for.
struct Claims {
  std::string data;
  std::set<std::string> models;  // a weights' hash, which the head's classes are part of
};

// What was claimed by one file; empty fields where it is damaged: a run that goes on says so.
Claims read_claim(const fs::path& file) {
  const std::string bytes = io::read_file(file);
  try {
    const io::Json claim = io::parse_json(io::checked_record(bytes), file.string());
    return {claim.at("data"), {claim.at("model").get<std::string>()}};
  } catch (const InputError&) {
    return {};
  } catch (const io::Json::exception&) {
    return {};
  }
}

Claims claims_of(const spec::Spec& spec, const spec::TaskEntry& task) {
  Claims claims;
  for (const auto& file : experiment::claim_files(experiment::run_folder(spec))) {
    if (file.task != task.task.name) continue;
    Claims claim = read_claim(file.path);
    claims.data += claim.data;
    claims.models.merge(claim.models);
  }
  return claims;
}

}  // namespace

std::string signature(const spec::Spec& spec) {
  std::string data;
  std::set<std::string> models;
  for (const spec::TaskEntry& task : spec.tasks) {
    Claims claims = claims_of(spec, task);
    if (claims.data.empty()) continue;
    models.merge(claims.models);
    data += fmt::format(" {}:{}", task.task.name, short_hash(claims.data));
  }
  std::string text =
      fmt::format("runner {}, trainer {}", RUNNER_VERSION, experiment::kTrainerVersion);
  text += "; model " + spec.model.filename().string();
  if (!models.empty()) text += ":" + short_hash(fmt::format("{}", fmt::join(models, "")));
  if (!data.empty()) text += "; data" + data;
  text += fmt::format("; rows: train {}, selection {}, dev {}", row_cap(spec.max_train_rows),
                      spec.holdout > 0.0 ? row_cap(spec.max_selection_rows) : "dev",
                      row_cap(spec.max_dev_rows));
  text += fmt::format("; selection {}; report {}; seeds {}", selection_split(spec),
                      report_split(spec), fmt::join(spec.seeds, " "));
  const bool searches = std::ranges::any_of(
      spec.methods, [](const spec::Method& method) { return method.search == spec::Search::bo; });
  if (spec.outer.budget) {
    text += "; budget " + spec::written(*spec.outer.budget);
  } else {
    text += fmt::format("; trials {}", spec.outer.trials);
  }
  if (searches && !spec.outer.budget) {
    text += fmt::format(" ({} modelled)", spec.outer.trials - spec::start_trials(spec));
  }
  if (spec.outer.parallel > 1) text += fmt::format("; {} side by side", spec.outer.parallel);
  return text + fmt::format("; statistics t/Satterthwaite, Holm {}, equal ±{}",
                            spec.comparisons.size(), io::number(spec.equivalence));
}

}  // namespace runner::report
