// The verbs of an experiment: run, check, plan, merge.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/program_options/value_semantic.hpp>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>

#include "bo/blas.hpp"
#include "cli/check_files.hpp"
#include "cli/engine.hpp"
#include "cli/event_log.hpp"
#include "cli/forecast_text.hpp"
#include "cli/machine.hpp"
#include "cli/options.hpp"
#include "cli/pool.hpp"
#include "cli/progress.hpp"
#include "cli/scaling_text.hpp"
#include "cli/signals.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "cli/version.hpp"
#include "experiment/ahead.hpp"
#include "experiment/holder.hpp"
#include "experiment/run.hpp"
#include "experiment/run_folder.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "kernels/machine.hpp"
#include "report/page.hpp"
#include "report/study.hpp"
#include "report/tables.hpp"
#include "slurm/array.hpp"
#include "spec/load.hpp"
#include "spec/resolved.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

// What a call works on.
struct Part {
  experiment::RunOptions options{};                         // the cells
  std::optional<std::vector<experiment::KnownRun>> runs{};  // instead of them
  bool whole = true;                                        // with tables at its end
};

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

// --runs, --cells, --shard I/N, else the array task that Slurm names, else everything.
Part part_of(const spec::Spec& spec, const CommandLine& line) {
  Part part{.options = {.only = line.get<std::string>("only"), .fail_fast = line.has("fail-fast")}};
  const auto share = [&](int index, int count, std::string_view what) {
    if (count < 1 || index >= count) {
      throw InputError(
          fmt::format("{}: {}/{} is not a share; I counts from 0 to N-1", what, index, count));
    }
    part.options.shard = index;
    part.options.shards = count;
    part.whole = count == 1;
  };
  if (line.has("runs") + line.has("cells") + line.has("shard") > 1) {
    throw InputError("command line: --runs, --cells and --shard choose each in its own way");
  }
  if (line.has("runs")) {
    part.runs = named_runs(experiment::known_runs(spec), words_of(line.get<std::string>("runs")));
    part.whole = false;
  } else if (line.has("cells")) {
    part.options.cells = words_of(line.get<std::string>("cells"));
    if (part.options.cells.empty()) throw InputError("--cells: no cell is named");
    part.whole = false;
  } else if (line.has("shard")) {
    const auto text = line.get<std::string>("shard");
    const std::size_t slash = text.find('/');
    if (slash == std::string::npos) {
      throw InputError(fmt::format("--shard: '{}' is not I/N, as in 0/4", text));
    }
    share(slurm::whole_number(text.substr(0, slash), "--shard"),
          slurm::whole_number(text.substr(slash + 1), "--shard"), "--shard");
  } else if (const auto place = slurm::place_in_array([](const char* name) {
               const char* value = std::getenv(name);
               return std::string(value == nullptr ? "" : value);
             })) {
    share(place->index, place->count, "SLURM_ARRAY_TASK_ID/COUNT");
  }
  return part;
}

std::vector<experiment::Cell> cells_of(const spec::Spec& spec, const Part& part) {
  if (!part.runs) return chosen_cells(spec, part.options);
  std::vector<experiment::Cell> cells;
  for (const experiment::KnownRun& run : experiment::unmade(*part.runs)) {
    for (const experiment::KnownTrial& trial : run.trials) cells.push_back(trial.cell);
  }
  return cells;
}

experiment::Summary survey(const spec::Spec& spec, const Part& part) {
  return part.runs ? experiment::survey_ahead(*part.runs) : experiment::survey(spec, part.options);
}

// A broken file of any task that has work left, or of any at all, ends the call here, before
// anything trains, is written or removed. Says what becomes of the model's tensors.
void try_inputs(const std::vector<experiment::Cell>& cells, bool all,
                const lab::Laboratory& laboratory) {
  std::set<const spec::TaskEntry*> tried;
  std::set<std::string> said;
  for (const experiment::Cell& cell : cells) {
    if (tried.contains(cell.task) || stop_requested()) continue;
    if (!all && is_complete(cell, experiment::readable_history(cell))) continue;
    for (const std::string& note : laboratory.try_inputs(*cell.task))
      if (said.insert(note).second) print_error("note: {}\n", note);
    tried.insert(cell.task);
  }
}

void write_provenance(const spec::Spec& spec, const fs::path& folder, const experiment::Pool& pool,
                      const std::vector<std::string>& notes) {
  std::vector<std::string> devices;
  for (const train::Device& device : engine().resolve_devices(spec.device)) {
    devices.push_back(device.name());
  }
  const io::Json provenance = {{"runner", version().number},
                               {"commit", version().commit},
                               {"compiler", version().compiler},
                               {"libtorch", engine().libtorch_version},
                               {"cpu", cpu_name()},
                               {"instructions", kernels::instructions()},
                               {"bf16", bf16_products()},
                               {"blas", bo::blas()},
                               {"device", fmt::format("{}", fmt::join(devices, ", "))},
                               {"workers", pool.workers},
                               {"threads", pool.threads},
                               {"host", experiment::host_name()},
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
  for (const fs::path& file : experiment::abandoned_files(folder)) {
    experiment::remove_abandoned(file);
  }
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
int conclude(const spec::Spec& spec, const experiment::Summary& summary,
             std::string_view unit = "cells") {
  print_out("{} of {} {} done, {} of {} trials ({} before this call), {} failed{}; {}\n",
            summary.cells_done, summary.cells, unit, summary.trials_done, trials_of(spec, summary),
            summary.trials_before, summary.failed,
            spec.outer.pruning.empty() ? "" : fmt::format(", {} pruned", summary.pruned),
            experiment::run_folder(spec).string());
  const bool whole = summary.cells_done == summary.cells && summary.failed == 0;
  return whole && summary.errors.empty() ? kDone : kSomeFailed;
}

constexpr std::string_view kRunUsage = "runner FILE.yaml [key.path=value ...] [flags]";

}  // namespace

int run_command(const std::vector<std::string>& arguments) {
  install_signal_handlers();
  po::options_description flags("flags");
  flags.add_options()(
      "shard", po::value<std::string>()->value_name("I/N"),
      "work on share I of N (from 0); else the share that a Slurm array task names")(
      "only", po::value<std::string>()->value_name("PATTERN")->default_value(""),
      "cells whose TASK/METHOD/seedS matches, as a glob or a part of the name")(
      "cells", po::value<std::string>()->value_name("NAMES"),
      "these cells, named in full and separated by blanks; no tables")(
      "runs", po::value<std::string>()->value_name("NAMES"),
      "these of the training runs that are known beforehand, with every trial that is known of "
      "them, as `runner slurm` names them; no tables")(
      "rerun-failed", "nothing more: what an error of the machine ended is always tried again")(
      "fail-fast", "stop at the first trial without a result")(
      "fresh", "begin anew: remove this run first, once the new one is known to start")(
      "dry-run", "say what would be done, and do nothing")(
      "events", po::value<std::string>()->value_name("FILE"),
      "append what happens to FILE, a JSON object a line")("quiet", "no progress, tables only")(
      kWide, kWideHelp);
  bool helped = false;
  const CommandLine line = parse(arguments, kRunUsage, flags, helped);
  if (helped) return kDone;
  if (line.has("dry-run")) return plan_command(line.words);
  const spec::Spec spec = load_spec(line, kRunUsage);
  Part part = part_of(spec, line);
  const fs::path folder = experiment::run_folder(spec);
  experiment::require_run_folder(folder);
  const bool fresh = line.has("fresh") && experiment::is_run(folder);
  if (fresh && !part.whole) {
    throw InputError(
        "--fresh with --shard, --cells, --runs or in a Slurm array would remove what the other "
        "shares have done; begin anew without shares, or give the run another name (name=...)");
  }
  if (fresh) experiment::refuse_while_at_work(folder);
  Progress progress(line.has("quiet"));
  const std::string damaged = fresh ? "" : experiment::refuse_other_spec(spec);
  if (!damaged.empty()) progress.warn(damaged);
  experiment::Summary summary = survey(spec, part);
  std::optional<experiment::Presence> presence;  // until the tables are written
  const bool to_mend = !fresh && !experiment::damaged_claims(folder).empty();
  if (fresh || to_mend || summary.cells_done < summary.cells) {
    require_files(spec);
    const std::vector<experiment::Cell> cells = cells_of(spec, part);
    const experiment::Pool pool =
        pool_of(spec, cells, part.runs ? summary.cells - summary.cells_done : 0);
    part.options.workers = pool.workers;
    require_address_space(spec, pool);
    const std::unique_ptr<lab::Laboratory> laboratory =
        engine().make_laboratory(spec, folder / "store", pool.threads,
                                 [&progress](const std::string& text) { progress.warn(text); });
    try_inputs(cells, fresh, *laboratory);
    if (!part.runs) part.options.price = trial_prices(spec);
    std::optional<EventLog> events;
    if (line.has("events")) {
      events.emplace(line.get<std::string>("events"),
                     [&progress](const std::string& text) { progress.warn(text); });
    }
    // The last that can go wrong or be thought better of before the old run is gone.
    if (fresh && stop_requested()) {
      print_error("interrupted; nothing was removed\n");
      return exit_code_after_stop();
    }
    if (fresh) experiment::remove_run(folder);
    presence.emplace(folder);
    experiment::write_spec(spec);
    if (to_mend) laboratory->mend_claims();
    const experiment::RunSinks sinks{
        .on_progress =
            [&](const experiment::Event& event) {
              progress(event);
              if (events) (*events)(event);
            },
        .should_stop = [&presence] { return !presence->beat() || stop_requested(); }};
    summary = part.runs ? run_ahead(*part.runs, *laboratory, part.options, sinks)
                        : experiment::run(spec, *laboratory, part.options, sinks);
    if (summary.trials_done > summary.trials_before) {
      write_provenance(spec, folder, pool, laboratory->notes());
    }
    if (const int again = laboratory->trained_again(); again > 0) {
      progress.warn(fmt::format(
          "{} training run{} dropped for store_limit ({}) and trained again; a larger one "
          "would save that",
          again, again == 1 ? " was" : "s were",
          io::size_text(static_cast<double>(spec.store_limit))));
    }
  } else if (!damaged.empty()) {
    experiment::write_spec(spec);
  }
  bool lost = false;  // a cell that this process believes done and the tables cannot read
  if (part.whole) {
    const report::Study study(spec);
    write_results(study, line);
    if (summary.cells_done == static_cast<int>(experiment::list_cells(spec).size())) {
      for (const std::string& missing : study.missing()) {
        print_error("not complete: {}; the same command makes it again\n", missing);
        lost = true;
      }
    }
  }
  int code = conclude(spec, summary, part.runs ? "training runs" : "cells");
  if (lost && code == kDone) code = kSomeFailed;
  if (presence && !presence->beat()) {
    print_error("{}: was removed or begun anew while this process was at work\n", folder.string());
    code = kSomeFailed;
  }
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
  flags.add_options()("workers", po::value<std::string>()->value_name("N,N..."),
                      "also how long what is left takes with so many workers of one cell each");
  bool helped = false;
  const CommandLine line = parse(arguments, kUsage, flags, helped);
  if (helped) return kDone;
  const spec::Spec spec = load_spec(line, kUsage);
  std::vector<int> counts;
  if (line.has("workers")) counts = worker_counts(line.get<std::string>("workers"));
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
    print_out("{}", forecast_text(spec, line, pool_of(spec, experiment::list_cells(spec)),
                                  cell_bytes(spec), static_cast<double>(spec.store_limit)));
    if (!counts.empty()) print_out("{}", scaling_text(spec, line, counts));
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
  const spec::Spec spec = load_run(line, kUsage);
  for (const auto& claim : experiment::damaged_claims(experiment::run_folder(spec))) {
    throw InputError(fmt::format(
        "{}: was changed after it was written (its checksum differs); 'runner {}' makes it again",
        claim.path.string(), spec.file.string()));
  }
  experiment::settle(spec);
  const report::Study study(spec);
  write_results(study, line);
  for (const std::string& missing : study.missing()) print_error("not complete: {}\n", missing);
  return conclude(spec, experiment::survey(spec, {}));
}

}  // namespace runner::cli
