#include "experiment/run_folder.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "experiment/cells.hpp"
#include "experiment/holder.hpp"
#include "io/checked.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "spec/load.hpp"
#include "spec/resolved.hpp"

namespace runner::experiment {
namespace fs = std::filesystem;
namespace {

constexpr const char* kResolved = "resolved.yaml";
constexpr const char* kProcesses = "processes";
// The lease of a process that removes the run.
constexpr const char* kRemover = "remover.json";

// What a run consists of; resolved.yaml goes last and comes first, after kProcesses.
constexpr std::array kParts = {"spec.yaml", "provenance.json", "report.html", "inputs",
                               "cells",     "store",           "tables",      kResolved};

// Batch scripts, which may be there before the run is, and stay when it begins anew.
constexpr const char* kScripts = "slurm";

constexpr std::string_view kCheck = "# check: ";

// Empty, or left so by a process that was killed right after it had begun.
bool is_unbegun(const fs::path& folder) {
  for (const auto& entry : io::list_folder(folder)) {
    const std::string name = entry.path().filename();
    if (name != kProcesses && name != kScripts && name != "spec.yaml" &&
        !name.starts_with("spec.yaml.") && !name.starts_with(std::string(kResolved) + ".")) {
      return false;
    }
  }
  return true;
}

bool is_lease(const fs::path& file) {
  return file.filename() == "owner.json" || file.parent_path().filename() == kProcesses;
}

Lease enter(const fs::path& folder) {
  const std::string host = host_name();
  for (int i = 0;; ++i) {  // more than one where hosts or process numbers are not unique
    std::string holder;
    auto lease = Lease::take(folder / fmt::format("{}-{}-{}.json", host, ::getpid(), i), holder);
    if (!lease) continue;
    if (const std::string remover = lease_holder(folder / kRemover); !remover.empty()) {
      throw InputError(
          fmt::format("{}: {} is beginning this run anew", folder.parent_path().string(), remover));
    }
    return *std::move(lease);
  }
}

bool another_host_works(const fs::path& run) {
  const std::string here = host_name();
  for (const auto& entry : io::list_folder(run / kProcesses)) {
    const std::optional<Holder> holder = holder_of_lease(entry.path());
    if (holder && holder->host != here) return true;
  }
  return false;
}

// Of a folder and all below it.
void add_abandoned(const fs::path& folder, std::vector<fs::path>& found) {
  for (const fs::path& file : io::abandoned_files(folder)) found.push_back(file);
  std::error_code ignored;
  for (const auto& entry : io::list_folder(folder)) {
    const fs::path& path = entry.path();
    if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) {
      add_abandoned(path, found);
    } else if (is_lease(path) && lease_holder(path).empty()) {
      found.push_back(path);
    }
  }
}

}  // namespace

bool is_run(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(fs::symlink_status(folder / kResolved, ignored));
}

void require_run_folder(const fs::path& folder) {
  std::error_code ignored;
  if (!fs::exists(fs::symlink_status(folder, ignored))) return;
  if (!fs::is_directory(folder, ignored)) {
    throw InputError(fmt::format("{}: is not a folder", folder.string()));
  }
  if (!is_run(folder) && !is_unbegun(folder)) {
    throw InputError(
        fmt::format("{}: holds other files and is no run of this program (it has no {}); give this "
                    "run another name (name=...) or another place (runs=...)",
                    folder.string(), kResolved));
  }
  for (const char* part : kParts) refuse_links(folder, folder / part);
  for (const char* part : {kProcesses, kScripts}) refuse_links(folder, folder / part);
}

void refuse_links(const fs::path& run, const fs::path& folder) {
  fs::path path = run;
  for (const fs::path& part : folder.lexically_relative(run)) {
    path /= part;
    std::error_code ignored;
    if (!fs::is_symlink(path, ignored)) continue;
    throw InputError(
        fmt::format("{}: is a link; a run's own folders must lie in it (the whole of "
                    "it may be a link: runs=...)",
                    path.string()));
  }
}

void write_spec(const spec::Spec& spec) {
  const fs::path folder = run_folder(spec);
  const std::string resolved = spec::resolved_yaml(spec);
  io::write_file_if_changed(folder / kResolved,
                            fmt::format("{}{}\n{}", kCheck, io::content_hash(resolved), resolved));
  io::write_file_if_changed(folder / "spec.yaml", io::read_file(spec.file));
}

std::string refuse_other_spec(const spec::Spec& spec) {
  const fs::path folder = run_folder(spec);
  const fs::path file = folder / kResolved;
  if (!fs::exists(file)) return "";
  const std::string bytes = io::read_file(file);
  const std::size_t end = std::min(bytes.find('\n'), bytes.size() - (bytes.empty() ? 0 : 1));
  const std::string_view rest = std::string_view(bytes).substr(bytes.empty() ? 0 : end + 1);
  if (bytes.substr(0, end) != fmt::format("{}{}", kCheck, io::content_hash(rest))) {
    return fmt::format(
        "{}: was changed after it was written (its checksum differs); it is made again from this "
        "spec",
        file.string());
  }
  const std::string changed = spec::difference(spec::load(file), spec);
  if (changed.empty()) return "";
  throw InputError(fmt::format(
      "{} was begun with another spec:\n{}\ngive this one another name (name=...), or begin "
      "anew with --fresh",
      folder.string(), changed));
}

std::vector<ClaimFile> claim_files(const fs::path& run) {
  std::vector<ClaimFile> found;
  for (const auto& entry : io::list_folder(run / "inputs")) {
    const std::string name = entry.path().stem();
    const std::size_t end = name.rfind('_');
    if (entry.path().extension() != ".json" || end == std::string::npos) continue;
    const int max_length = std::atoi(name.c_str() + end + 1);
    if (max_length > 0) found.push_back({entry.path(), name.substr(0, end), max_length});
  }
  std::ranges::sort(found, {}, &ClaimFile::path);
  return found;
}

std::vector<ClaimFile> damaged_claims(const fs::path& run) {
  std::vector<ClaimFile> found = claim_files(run);
  std::erase_if(found, [](const ClaimFile& file) {
    return !io::checked_record(io::read_file(file.path)).empty();
  });
  return found;
}

Presence::Presence(const fs::path& run) : folder_(run / kProcesses), lease_(enter(folder_)) {}

Presence::~Presence() = default;

bool Presence::beat() {
  try {
    lease_.beat();
    return true;
  } catch (const Busy&) {
    return false;
  }
}

void refuse_while_at_work(const fs::path& run) {
  for (const auto& entry : io::list_folder(run / kProcesses)) {
    if (entry.path().filename() == kRemover) continue;
    const std::string holder = lease_holder(entry.path());
    if (holder.empty() || holder.starts_with(this_process())) continue;
    throw InputError(fmt::format("{}: {} works in this run; stop it first", run.string(), holder));
  }
}

std::vector<fs::path> abandoned_files(const fs::path& run) {
  if (another_host_works(run)) return {};
  std::vector<fs::path> found = io::abandoned_files(run);
  for (const char* part : {"inputs", "cells", "tables", kProcesses}) {
    add_abandoned(run / part, found);
  }
  std::ranges::sort(found);
  return found;
}

void remove_abandoned(const fs::path& file) {
  if (!is_lease(file)) {
    std::error_code ignored;
    fs::remove(file, ignored);
    return;
  }
  try {
    std::string holder;
    Lease::take(file, holder);  // whose file goes with it
  } catch (const InputError&) {
    // A folder that cannot be written.
  }
}

void remove_run(const fs::path& run) {
  if (!is_run(run)) {
    throw InputError(fmt::format("{}: is no run of this program (it has no {}), and is left alone",
                                 run.string(), kResolved));
  }
  // Whoever begins now sees the lease, whoever began before is seen.
  std::string holder;
  const auto lease = Lease::take(run / kProcesses / kRemover, holder);
  if (!lease) throw InputError(fmt::format("{}: {} removes this run", run.string(), holder));
  refuse_while_at_work(run);
  std::error_code error;
  for (const char* part : kParts) {
    fs::remove_all(run / part, error);
    if (error) {
      throw InputError(
          fmt::format("{}: cannot remove: {}", (run / part).string(), error.message()));
    }
  }
  for (const auto& file : io::abandoned_files(run)) fs::remove(file, error);
}

}  // namespace runner::experiment
