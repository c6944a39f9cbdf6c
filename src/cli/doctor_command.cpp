// The verb doctor: what this machine offers to the program, and what would change that.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <link.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options/options_description.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>
#include <vector>

#include "bo/blas.hpp"
#include "cli/engine.hpp"
#include "cli/machine.hpp"
#include "cli/options.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "cli/version.hpp"
#include "data/glue.hpp"
#include "data/tasks.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "kernels/machine.hpp"
#include "spec/spec.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

struct Findings {
  std::vector<std::pair<std::string, std::string>> rows;  // what, and what it is here
  std::vector<std::string> broken;                        // no run can begin until it is mended
  std::vector<std::string> advice;                        // what would make runs better
  void add(std::string what, std::string is) { rows.emplace_back(std::move(what), std::move(is)); }
};

// The place of a variable's folder, else of `fallback`.
fs::path place_of(const char* variable, const char* fallback) {
  const char* const set = std::getenv(variable);
  return fs::absolute(set != nullptr && *set != '\0' ? set : fallback).lexically_normal();
}

// The user's own folder by its usual sign: a report is read by others.
std::string shown(const fs::path& path) {
  const char* const home = std::getenv("HOME");
  const std::string text = path.string();
  const std::string_view folder = home == nullptr ? "" : home;
  const bool below = folder.size() > 1 && text.starts_with(folder) &&
                     (text.size() == folder.size() || text[folder.size()] == '/');
  return below ? "~" + text.substr(folder.size()) : text;
}

std::string system_name() {
  std::ifstream release("/etc/os-release");
  constexpr std::string_view kKey = "PRETTY_NAME=\"";
  std::string name = "an unknown system";
  for (std::string line; std::getline(release, line);) {
    if (line.starts_with(kKey)) name = line.substr(kKey.size(), line.size() - kKey.size() - 1);
  }
  utsname kernel{};
  ::uname(&kernel);
  return fmt::format("{}, kernel {}, {}", name, kernel.release, kernel.machine);
}

void examine_processor(Findings& found) {
  found.add("system", system_name());
  found.add("processor",
            fmt::format("{}, {} logical cores", cpu_name(), std::thread::hardware_concurrency()));
  found.add("kernels",
            fmt::format("{}; bf16 products by {}", kernels::instructions(), bf16_products()));
  found.add("BLAS of the search", bo::blas());
  if (bf16_products() == "oneDNN") {
    found.advice.emplace_back(
        "this processor has neither AVX512_BF16 nor AMX: measure with `runner bench train` whether "
        "`precision: bf16` is faster than fp32 here");
  }
}

// Where the LibTorch that is loaded lies.
std::string libtorch_place() {
  std::string place = "?";
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        const std::string name = info->dlpi_name;
        if (name.ends_with("/libtorch_cpu.so")) *static_cast<std::string*>(data) = name;
        return 0;
      },
      &place);
  return shown(fs::path(place).parent_path());
}

void examine_libtorch(Findings& found) {
  try {
    const lab::Engine& here = engine();
    found.add("LibTorch", fmt::format("{}, in {}", here.libtorch_version, libtorch_place()));
    const train::Device device = here.resolve_device("auto");
    found.add("device: auto", device.is_cpu() ? "cpu" : "cuda:0");
    if (device.is_cpu() && fs::exists("/dev/nvidia0")) {
      found.advice.emplace_back(
          here.libtorch_has_cuda()
              ? "a GPU is there, but its driver does not answer"
              : "a GPU is there, but this LibTorch is one for CPUs: docs/gpu.md says how to take "
                "another");
    }
    const int threads = here.auto_threads();
    found.add("threads",
              fmt::format("{} for runs (affinity, cgroup and Slurm allow no more)", threads));
    found.add("memory", io::size_text(here.auto_memory()) + " for runs");
    if (here.auto_memory() < 4e9) {
      found.advice.emplace_back(
          "less than 4 GB of memory: a RoBERTa-base run needs about 6 with 8 snapshots; take a "
          "smaller model, or fewer snapshots");
    }
  } catch (const InputError& error) {
    found.add("LibTorch", "cannot be loaded");
    found.broken.emplace_back(error.what());
  }
}

void examine_disk(Findings& found) {
  const fs::path runs = place_of("RUNNER_RUNS", "runs");
  fs::path there = runs;
  while (!fs::exists(there) && there.has_relative_path()) there = there.parent_path();
  struct statvfs disk {};
  const bool known = ::statvfs(there.c_str(), &disk) == 0;
  const double free = static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize);
  found.add("runs",
            known ? fmt::format("{}: {} free", shown(runs), io::size_text(free)) : shown(runs));
  if (!fs::is_directory(there) || ::access(there.c_str(), W_OK) != 0) {
    found.broken.push_back(
        fmt::format("{} cannot be written: set RUNNER_RUNS, or `runs` in the spec", shown(runs)));
  }
  const double limit = static_cast<double>(spec::Spec().store_limit);
  if (known && free < limit) {
    found.advice.push_back(
        fmt::format("less than the {} are free that the store of runs may take: set "
                    "store_limit in the spec",
                    io::size_text(limit)));
  }
}

std::string limit_of(rlim_t limit) {
  return limit == RLIM_INFINITY ? "unlimited" : fmt::format("{}", limit);
}

void examine_limits(Findings& found) {
  rlimit files{}, space{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  ::getrlimit(RLIMIT_AS, &space);
  found.add("limits", fmt::format("{} open files, address space {}", limit_of(files.rlim_cur),
                                  limit_of(space.rlim_cur)));
  if (files.rlim_cur != RLIM_INFINITY && files.rlim_cur < 256) {
    found.advice.emplace_back("fewer than 256 open files: ulimit -n 1024");
  }
  if (space.rlim_cur != RLIM_INFINITY) {
    found.advice.emplace_back(
        "the address space is limited, which LibTorch does not take well: ulimit -v unlimited");
  }
  if (const char* const job = std::getenv("SLURM_JOB_ID"))
    found.add("Slurm", fmt::format("job {}", job));
}

void examine_data(Findings& found) {
  const fs::path glue = place_of("RUNNER_GLUE", "data/glue");
  std::vector<std::string_view> tasks;
  for (const data::Task& task : data::glue_tasks()) {
    if (!task.train.path.empty() && data::missing_files(task, glue).empty()) {
      tasks.push_back(task.name);
    }
  }
  found.add("GLUE",
            fmt::format("{}: {}", shown(glue),
                        tasks.empty() ? "no task" : fmt::format("{}", fmt::join(tasks, ", "))));
  const fs::path models = place_of("RUNNER_MODELS", "data/models");
  std::set<std::string> names;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(models, none)) {
    if (fs::exists(entry.path() / "config.json")) names.insert(entry.path().filename().string());
  }
  found.add("models",
            fmt::format("{}: {}", shown(models),
                        names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
  if (tasks.empty() || names.empty()) {
    found.advice.emplace_back(
        "GLUE or a model is not there: tools/fetch.sh all brings both, RUNNER_GLUE and "
        "RUNNER_MODELS "
        "name other places; the quickstart needs neither");
  }
}

std::string text_of(const Findings& found) {
  std::string text;
  for (const auto& [what, is] : found.rows) text += fmt::format("{:<19} {}\n", what, is);
  return text;
}

constexpr std::string_view kQuestions =
    "\n**What I ran**: the spec, or the smallest one that shows it, and the command line\n\n"
    "**What came**: the whole message; of a crash the last lines of the journal in `cells/`\n\n"
    "**What I had expected**\n\n"
    "**The run**: `provenance.json` of its folder, where there is one\n";

}  // namespace

int doctor_command(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("report", "what an issue needs, as Markdown to be completed");
  bool helped = false;
  const CommandLine line = parse(arguments, "runner doctor [--report]", flags, helped);
  if (helped) return kDone;
  Findings found;
  found.add("runner",
            fmt::format("{} ({}), {}", version().number, version().commit, version().compiler));
  examine_processor(found);
  examine_libtorch(found);
  examine_disk(found);
  examine_limits(found);
  examine_data(found);
  if (line.has("report")) {
    print_out("```\n{}", text_of(found));
    for (const std::string& problem : found.broken) print_out("broken: {}\n", problem);
    print_out("```\n{}", kQuestions);
  } else {
    print_out("{}", text_of(found));
    if (!found.advice.empty()) print_out("\nwhat would change that:\n");
    for (const std::string& advice : found.advice) print_out("  - {}\n", advice);
  }
  for (const std::string& problem : found.broken) print_error("no run can begin: {}\n", problem);
  return found.broken.empty() ? kDone : kSomeFailed;
}

}  // namespace runner::cli
