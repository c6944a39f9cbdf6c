// The verbs of an experiment: run, check, plan, merge.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options/value_semantic.hpp>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "bo/blas.hpp"
#include "cli/check_files.hpp"
#include "cli/engine.hpp"
#include "cli/forecast_text.hpp"
#include "cli/machine.hpp"
#include "cli/options.hpp"
#include "cli/progress.hpp"
#include "cli/signals.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "cli/version.hpp"
#include "experiment/pool.hpp"
#include "experiment/run.hpp"
#include "experiment/run_folder.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "kernels/machine.hpp"
#include "model/config.hpp"
#include "model/layout.hpp"
#include "report/page.hpp"
#include "report/study.hpp"
#include "report/tables.hpp"
#include "spec/load.hpp"
#include "spec/resolved.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

void require_files(const spec::Spec& spec) {
  const std::vector<std::string> missing = missing_files(spec);
  if (missing.empty()) return;
  throw InputError(
      fmt::format("{}: {} {} missing:\n  {}\nGLUE's folders are looked for below data.root or "
                  "RUNNER_GLUE, models "
                  "below models_root or RUNNER_MODELS; docs/glue.md says how to lay them out",
                  spec.file.string(), missing.size(), missing.size() == 1 ? "file is" : "files are",
                  fmt::join(missing, "\n  ")));
}

struct Share {
  int index = 0, count = 1;
};

int whole_number(std::string_view text, std::string_view what) {
  double value = 0.0;
  if (!io::parse_number(text, value) || value < 0 || value > 1e6 || value != std::floor(value)) {
    throw InputError(fmt::format("{}: '{}' is not a whole number", what, text));
  }
  return static_cast<int>(value);
}

// --shard I/N, else the array task that Slurm names, else everything.
Share share_of(const CommandLine& line) {
  Share share;
  std::string what = "--shard";
  if (line.has("shard")) {
    const auto text = line.get<std::string>("shard");
    const std::size_t slash = text.find('/');
    if (slash == std::string::npos) {
      throw InputError(fmt::format("--shard: '{}' is not I/N, as in 0/4", text));
    }
    share = {whole_number(text.substr(0, slash), what), whole_number(text.substr(slash + 1), what)};
  } else if (const char* task = std::getenv("SLURM_ARRAY_TASK_ID")) {
    const char* count = std::getenv("SLURM_ARRAY_TASK_COUNT");
    const char* first = std::getenv("SLURM_ARRAY_TASK_MIN");
    if (count == nullptr) return share;
    what = "SLURM_ARRAY_TASK_ID/COUNT";
    share = {whole_number(task, what) - (first != nullptr ? whole_number(first, what) : 0),
             whole_number(count, what)};
  }
  if (share.count < 1 || share.index < 0 || share.index >= share.count) {
    throw InputError(fmt::format("{}: {}/{} is not a share; I counts from 0 to N-1", what,
                                 share.index, share.count));
  }
  return share;
}

// The largest value that a setting of the recipe can take in any trial.
double largest(const spec::Spec& spec, std::string_view name, double recipe) {
  for (const bo::Variable& variable : spec.search) {
    if (variable.name != name) continue;
    if (variable.type != bo::Type::choice) return std::max(recipe, variable.high);
    for (const std::string& text : variable.values) {
      double value = 0.0;
      if (io::parse_number(text, value)) recipe = std::max(recipe, value);
    }
  }
  return recipe;
}

// Memory that a cell on a CPU may need, in bytes, from above: weights, moments, gradients and
// rounded weights (18 bytes a parameter), the snapshots, and what a layer keeps for its backward
// pass.
double cell_bytes(const spec::Spec& spec) {
  const model::EncoderConfig config = model::read_config(spec.model);
  double bytes = 0.0;
  for (const spec::TaskEntry& task : spec.tasks) {
    const train::Options& recipe = task.recipe.train;
    const double tokens = largest(spec, "batch_size", recipe.batch_size) *
                          largest(spec, "max_length", recipe.max_length);
    const double snapshots = largest(spec, "snapshots", recipe.snapshots);
    const auto weights = static_cast<double>(model::make_layout(config, task.task.classes()).size);
    bytes = std::max(bytes, (18.0 + 4.0 * snapshots) * weights +
                                64.0 * config.hidden_size * config.layers * tokens);
  }
  return bytes;
}

// The spec's word, else what suits the machine. What fits on a GPU only the spec can say.
experiment::Pool pool_of(const spec::Spec& spec, const Share& share) {
  if (spec.threads > 0 && spec.workers > 0) return {spec.workers, spec.threads};
  const int cores = engine().auto_threads();
  if (spec.workers > 0) return {spec.workers, std::max(1, cores / spec.workers)};
  if (!engine().resolve_device(spec.device).is_cpu()) {
    const int workers = spec.trials_per_device;
    return {workers, spec.threads > 0 ? spec.threads : std::max(1, cores / workers)};
  }
  const std::vector<experiment::Cell> cells =
      experiment::cells_of_shard(spec, share.index, share.count);
  std::set<std::pair<const spec::TaskEntry*, std::uint64_t>> groups;  // that share training runs
  for (const experiment::Cell& cell : cells) groups.emplace(cell.task, cell.seed);
  constexpr double kUsableMemory = 0.75;
  const double most = kUsableMemory * engine().auto_memory() / cell_bytes(spec);
  experiment::Pool pool = experiment::choose_pool(
      std::max(1, cores / std::max(1, spec.threads)), static_cast<int>(cells.size()),
      static_cast<int>(groups.size()), static_cast<int>(std::clamp(most, 1.0, 1e6)));
  if (spec.threads > 0) pool.threads = spec.threads;
  return pool;
}

// A broken file of any task that has work left, or of any at all, ends the call here, before
// anything trains, is written or removed. Says what becomes of the model's tensors.
void try_inputs(const spec::Spec& spec, const Share& share, bool all,
                const lab::Laboratory& laboratory) {
  std::set<const spec::TaskEntry*> tried;
  std::set<std::string> said;
  for (const experiment::Cell& cell : experiment::cells_of_shard(spec, share.index, share.count)) {
    if (tried.contains(cell.task)) continue;
    if (!all && is_complete(cell, experiment::read_history(cell))) continue;
    for (const std::string& note : laboratory.try_inputs(*cell.task))
      if (said.insert(note).second) print_error("note: {}\n", note);
    tried.insert(cell.task);
  }
}

std::string host_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

void write_provenance(const spec::Spec& spec, const fs::path& folder, const experiment::Pool& pool,
                      const std::vector<std::string>& notes) {
  const nlohmann::json provenance = {{"runner", version().number},
                                     {"commit", version().commit},
                                     {"compiler", version().compiler},
                                     {"libtorch", engine().libtorch_version},
                                     {"cpu", cpu_name()},
                                     {"instructions", kernels::instructions()},
                                     {"bf16", bf16_products()},
                                     {"blas", bo::blas()},
                                     {"device", engine().resolve_device(spec.device).name()},
                                     {"workers", pool.workers},
                                     {"threads", pool.threads},
                                     {"host", host_name()},
                                     {"overrides", spec.overrides},
                                     {"tasks", notes}};
  io::write_file_atomic(folder / "provenance.json", provenance.dump(2) + "\n");
}

constexpr const char* kWide = "wide";
constexpr const char* kWideHelp = "the whole table, however wide; else what fits 100 columns";

// The page of a run, which is there to be looked at: no trouble with it is one of the run.
void write_page(const report::Study& study) {
  const fs::path page = experiment::run_folder(study.all().spec) / "report.html";
  try {
    io::write_file_if_changed(page, report::page_html({&study.all(), 1}));
    print_out("report: {}\n", page.string());
  } catch (const std::exception& error) {
    print_error("{} was not written: {}\n", page.string(), error.what());
  }
}

// Writes and shows what the journals say. The page comes last: its path is what a person looks for.
void write_results(const report::Study& study, const CommandLine& line) {
  constexpr std::size_t kColumns = 100;
  const fs::path folder = experiment::run_folder(study.all().spec);
  std::error_code none;  // what cannot be removed stays
  for (const fs::path& file : experiment::abandoned_files(folder)) fs::remove(file, none);
  const report::Written written = report::write_tables(study, line.has(kWide) ? 0 : kColumns);
  print_out("{}", written.text);
  print_out("\ntables in {}:\n", written.folder.string());
  for (const fs::path& file : written.files) print_out("  {}\n", file.filename().string());
  write_page(study);
}

// How many trials there will be, as far as that is known.
std::string trials_of(const spec::Spec& spec, const experiment::Summary& summary) {
  const bool known = !spec.outer.budget || summary.cells_done == summary.cells;
  return fmt::format("{}{}", known ? "" : "about ", summary.trials);
}

// The last line, and what it comes to.
int conclude(const spec::Spec& spec, const experiment::Summary& summary) {
  print_out("{} of {} cells done, {} of {} trials ({} before this call), {} failed; {}\n",
            summary.cells_done, summary.cells, summary.trials_done, trials_of(spec, summary),
            summary.trials_before, summary.failed, experiment::run_folder(spec).string());
  const bool whole = summary.cells_done == summary.cells && summary.failed == 0;
  return whole && summary.errors.empty() ? kDone : kSomeFailed;
}

constexpr std::string_view kRunUsage = "runner FILE.yaml [key.path=value ...] [flags]";

}  // namespace

int run_command(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()(
      "shard", po::value<std::string>()->value_name("I/N"),
      "work on share I of N (from 0); else the share that a Slurm array task names")(
      "only", po::value<std::string>()->value_name("PATTERN")->default_value(""),
      "cells whose TASK/METHOD/seedS matches, as a glob or a part of the name")(
      "rerun-failed", "nothing more: what an error of the machine ended is always tried again")(
      "fail-fast", "stop at the first trial without a result")(
      "fresh", "begin anew: remove this run first, once the new one is known to start")(
      "dry-run", "say what would be done, and do nothing")("quiet", "no progress, tables only")(
      kWide, kWideHelp);
  bool helped = false;
  const CommandLine line = parse(arguments, kRunUsage, flags, helped);
  if (helped) return kDone;
  if (line.has("dry-run")) return plan_command(line.words);
  const spec::Spec spec = load_spec(line, kRunUsage);
  const Share share = share_of(line);
  const fs::path folder = experiment::run_folder(spec);
  experiment::require_run_folder(folder);
  const bool fresh = line.has("fresh") && experiment::is_run(folder);
  if (fresh && share.count > 1) {
    throw InputError(
        "--fresh with --shard or in a Slurm array would remove what the other shares have done; "
        "begin anew without shares, or give the run another name (name=...)");
  }
  if (fresh) experiment::refuse_while_at_work(folder);
  Progress progress(line.has("quiet"));
  const std::string damaged = fresh ? "" : experiment::refuse_other_spec(spec);
  if (!damaged.empty()) progress.warn(damaged);
  experiment::RunOptions options{.shard = share.index,
                                 .shards = share.count,
                                 .only = line.get<std::string>("only"),
                                 .fail_fast = line.has("fail-fast")};
  experiment::Summary summary = experiment::survey(spec, options);
  const bool to_mend = !fresh && !experiment::damaged_claims(folder).empty();
  if (fresh || to_mend || summary.cells_done < summary.cells) {
    require_files(spec);
    const experiment::Pool pool = pool_of(spec, share);
    options.workers = pool.workers;
    install_signal_handlers();
    const std::unique_ptr<lab::Laboratory> laboratory =
        engine().make_laboratory(spec, folder / "store", pool.threads,
                                 [&progress](const std::string& text) { progress.warn(text); });
    try_inputs(spec, share, fresh, *laboratory);
    if (fresh) experiment::remove_run(folder);
    experiment::Presence presence(folder);
    experiment::write_spec(spec);
    if (to_mend) laboratory->mend_claims();
    summary = experiment::run(
        spec, *laboratory, options,
        {.on_progress = [&progress](const experiment::Event& event) { progress(event); },
         .should_stop =
             [&presence] {
               presence.beat();
               return stop_requested();
             }});
    if (summary.trials_done > summary.trials_before) {
      write_provenance(spec, folder, pool, laboratory->notes());
    }
    if (const int again = laboratory->trained_again(); again > 0) {
      progress.warn(fmt::format(
          "{} training run{} dropped for store_limit ({:.1f} GB) and trained again; a larger one "
          "would save that",
          again, again == 1 ? " was" : "s were", static_cast<double>(spec.store_limit) / 1e9));
    }
  } else if (!damaged.empty()) {
    experiment::write_spec(spec);
  }
  if (share.count == 1) write_results(report::Study(spec), line);
  const int code = conclude(spec, summary);
  if (summary.interrupted && stop_requested()) {
    print_error("interrupted; the same command goes on\n");
    return exit_code_after_stop();
  }
  return code;
}

int check_command(const std::vector<std::string>& arguments) {
  constexpr std::string_view kUsage = "runner check FILE.yaml [key.path=value ...]";
  po::options_description flags("flags");
  flags.add_options()("files",
                      "also open every file that a run will open, and look at the free disk");
  bool helped = false;
  const CommandLine line = parse(arguments, kUsage, flags, helped);
  if (helped) return kDone;
  const spec::Spec spec = load_spec(line, kUsage);
  if (line.has("files")) {
    require_files(spec);
    for (const std::string& note : check_files(spec)) print_error("note: {}\n", note);
  }
  print_out("{}: ok\n", spec.file.string());
  return kDone;
}

int plan_command(const std::vector<std::string>& arguments) {
  constexpr std::string_view kUsage = "runner plan FILE.yaml [key.path=value ...]";
  po::options_description flags("flags");
  add_forecast_flags(flags);
  bool helped = false;
  const CommandLine line = parse(arguments, kUsage, flags, helped);
  if (helped) return kDone;
  const spec::Spec spec = load_spec(line, kUsage);
  print_out("{}", spec::resolved_yaml(spec));
  for (const experiment::Cell& cell : experiment::list_cells(spec)) {
    print_out("# {:<40} {}\n", experiment::cell_name(cell),
              experiment::stand_of(cell, experiment::read_history(cell)));
  }
  const experiment::Summary summary = experiment::survey(spec, {});
  print_out("# {} of {} trials done\n", summary.trials_done, trials_of(spec, summary));
  const std::vector<std::string> missing = missing_files(spec);
  for (const std::string& file : missing) print_out("# missing: {}\n", file);
  if (missing.empty()) {
    print_out("{}", forecast_text(spec, line, pool_of(spec, {}), cell_bytes(spec),
                                  static_cast<double>(spec.store_limit)));
  }
  return kDone;
}

int merge_command(const std::vector<std::string>& arguments) {
  constexpr std::string_view kUsage = "runner merge FILE.yaml [key.path=value ...]";
  bool helped = false;
  po::options_description flags("flags");
  flags.add_options()(kWide, kWideHelp);
  const CommandLine line = parse(arguments, kUsage, flags, helped);
  if (helped) return kDone;
  const spec::Spec spec = load_spec(line, kUsage);
  const fs::path folder = experiment::run_folder(spec);
  experiment::require_run_folder(folder);
  if (const std::string damaged = experiment::refuse_other_spec(spec); !damaged.empty()) {
    print_error("{}\n", damaged);
  }
  for (const fs::path& file : experiment::damaged_claims(folder)) {
    throw InputError(fmt::format(
        "{}: was changed after it was written (its checksum differs); 'runner {}' makes it again",
        file.string(), spec.file.string()));
  }
  const report::Study study(spec);
  write_results(study, line);
  for (const std::string& missing : study.missing()) print_error("not complete: {}\n", missing);
  return conclude(spec, experiment::survey(spec, {}));
}

}  // namespace runner::cli
