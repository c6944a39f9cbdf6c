// Batch scripts that run an experiment on a Slurm cluster.
#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options/value_semantic.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "cli/check_files.hpp"
#include "cli/engine.hpp"
#include "cli/forecast_text.hpp"
#include "cli/options.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "experiment/cells.hpp"
#include "experiment/run_folder.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "slurm/array.hpp"
#include "slurm/scripts.hpp"
#include "slurm/shares.hpp"
#include "spec/load.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

constexpr std::string_view kSlurmUsage =
    "runner slurm FILE.yaml [key.path=value ...] [--submit] [--OPTION=VALUE of sbatch ...]";

// Of the verb's own flags and words, and sbatch's options, which are all else that begins with '-'.
struct Split {
  std::vector<std::string> own, options;
};
Split split(const std::vector<std::string>& arguments, const po::options_description& flags) {
  Split result;
  bool value = false;  // of the flag before
  for (const std::string& word : arguments) {
    if (!value && !result.options.empty() && &word != arguments.data() &&
        *(&word - 1) == result.options.back() && word.find_first_of("=.-") == std::string::npos) {
      throw InputError(fmt::format(
          "command line: '{0}' after {1}: an option of sbatch goes in one "
          "word, as {1}{2}{0}",
          word, result.options.back(), result.options.back().starts_with("--") ? "=" : ""));
    }
    if (value || !word.starts_with("-")) {
      result.own.push_back(word);
      value = false;
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const po::option_description* flag =
        word.starts_with("--") ? flags.find_nothrow(name.substr(2), false) : nullptr;
    if (flag == nullptr && name != "--help" && name != "-h") {
      result.options.push_back(word);
      continue;
    }
    result.own.push_back(word);
    value = flag != nullptr && equals == std::string::npos && flag->semantic()->max_tokens() > 0;
  }
  return result;
}

// An array's indices are below this, by the cluster's word, or by Slurm's default where there is
// none.
int max_array_size() {
  constexpr int kDefault = 1001;
  std::FILE* pipe = ::popen("scontrol show config 2>/dev/null", "r");
  if (pipe == nullptr) return kDefault;
  std::string text;
  char part[4096];
  while (const std::size_t size = std::fread(part, 1, sizeof part, pipe)) text.append(part, size);
  ::pclose(pipe);
  const std::size_t at = text.find("\nMaxArraySize");
  const std::size_t equals = text.find("= ", at);
  if (at == std::string::npos || equals == std::string::npos) return kDefault;
  const int size = std::atoi(text.c_str() + equals + 2);
  return size > 0 ? size : kDefault;
}

// What the spec file's own words do not say about where things are.
std::vector<std::pair<std::string, std::string>> surroundings() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (const char* name : {"RUNNER_GLUE", "RUNNER_MODELS", "RUNNER_RUNS"}) {
    const char* value = std::getenv(name);
    if (value != nullptr) variables.emplace_back(name, fs::absolute(value).string());
  }
  return variables;
}

// The user's lines in the first of these scripts that there is.
std::string own_lines_in(const std::vector<fs::path>& files) {
  for (const fs::path& file : files) {
    if (fs::exists(file)) return slurm::own_lines(io::read_file(file));
  }
  return "";
}

// Cells at once in a task, as far as the spec says it: this machine need not be like those.
int workers_of_task(const spec::Spec& spec) {
  if (spec.workers > 0) return spec.workers;
  if (!spec.device.starts_with("cuda")) return spec.outer.parallel;
  const auto more = static_cast<int>(std::ranges::count(spec.device, ','));
  return spec.trials_per_device * (1 + more);
}

}  // namespace

int slurm_command(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("submit", "submit the scripts, each to begin when the one before has ended")(
      "jobs", po::value<std::string>()->value_name("N")->default_value("16"),
      "tasks of an array, at most")("at-once",
                                    po::value<std::string>()->value_name("N")->default_value("0"),
                                    "of them that may run at the same time; 0: all")(
      "program", po::value<std::string>()->value_name("COMMAND"),
      "what the scripts call instead of this executable, such as 'apptainer run runner.sif'");
  add_forecast_flags(flags);
  const Split words = split(arguments, flags);
  bool helped = false;
  const CommandLine line = parse(words.own, kSlurmUsage, flags, helped);
  if (helped) return kDone;
  const spec::Spec spec = load_run(line, kSlurmUsage);
  const fs::path run = experiment::run_folder(spec);
  const int jobs = slurm::whole_number(line.get<std::string>("jobs"), "--jobs");
  if (jobs < 1) throw InputError("--jobs: at least 1");

  // Here, before anything waits in a queue.
  require_files(spec);
  for (const std::string& note : check_files(spec)) print_error("note: {}\n", note);

  const slurm::Work work = slurm::work_of(spec, *engine().make_pricing(spec));
  const auto [rate, source] = rate_of(spec, line, workers_of_task(spec));
  slurm::Setting setting{
      .program = line.has("program")
                     ? line.get<std::string>("program")
                     : slurm::shell_word(fs::read_symlink("/proc/self/exe").string()),
      .words = line.words,
      .variables = surroundings(),
      .name = spec.name,
      .folder = fs::absolute(run / "slurm"),
      .from = fs::current_path(),
      .at_once = slurm::whole_number(line.get<std::string>("at-once"), "--at-once")};
  setting.words[0] = fs::absolute(setting.words[0]).string();

  std::vector<slurm::Script> scripts = {
      {.file = "1-known.sh",
       .about = fmt::format("The training runs of {} that are known before any outcome is, each "
                            "trained once, with\nevery fusion that is known to be wanted.",
                            spec.name),
       .verb = "run",
       .flag = "--runs"},
      {.file = "2-cells.sh",
       .about = fmt::format("What of {} follows from outcomes: the searches that ask a model, and "
                            "what takes from them.",
                            spec.name),
       .verb = "run",
       .flag = "--cells"},
      {.file = "3-merge.sh",
       .about = fmt::format("The tables and the report of {}.", spec.name),
       .verb = "merge",
       .flag = ""}};
  for (slurm::Script& script : scripts) {
    script.about += "\nWritten by `runner slurm`, which keeps the lines that are marked as yours.";
  }
  const std::vector<const std::vector<slurm::Item>*> items = {&work.runs, &work.cells};
  const int most = std::min(jobs, max_array_size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    scripts[i].shares = slurm::cut(*items[i], most);
    const slurm::Item* const costliest = slurm::costliest(scripts[i].shares);
    if (rate > 0.0 && costliest != nullptr) scripts[i].hours = costliest->cost / rate / 3600.0;
  }
  const fs::path known = setting.folder / "1-known.sh", cells = setting.folder / "2-cells.sh";
  const std::string own = slurm::with_options(own_lines_in({known, cells}), words.options);
  const std::string own_cells = slurm::with_options(own_lines_in({cells, known}), words.options);
  const std::string own_merge = slurm::with_options(
      own_lines_in({setting.folder / scripts[2].file}), slurm::options_of_place(words.options));
  const std::vector<std::string> lines = {own, own_cells, own_merge};
  std::vector<slurm::Script> used;
  for (std::size_t i = 0; i < scripts.size(); ++i) {
    const bool empty = i < items.size() && scripts[i].shares.empty();
    if (empty) continue;  // an earlier script stays for its user's lines
    io::write_file_atomic(setting.folder / scripts[i].file,
                          slurm::script_text(scripts[i], setting, lines[i]));
    used.push_back(scripts[i]);
  }
  io::write_file_atomic(setting.folder / "submit.sh", slurm::submission_text(used, setting));

  for (std::size_t i = 0; i < items.size(); ++i) {
    if (scripts[i].shares.empty()) continue;
    print_out(
        "{}: {} {} in {} task{}{}\n", (setting.folder / scripts[i].file).string(), items[i]->size(),
        i == 0 ? "training runs" : "searches", scripts[i].shares.size(),
        scripts[i].shares.size() == 1 ? "" : "s",
        scripts[i].hours > 0.0 ? fmt::format(", {:.2g} hours at most", scripts[i].hours) : "");
  }
  print_out("{}: tables and report\n", (setting.folder / scripts[2].file).string());
  if (rate > 0.0) {
    print_out("hours by {:.3g} FLOPs/s, {}\n", rate, source);
  } else {
    print_out(
        "no time limits: how fast a task computes is not known before one has run; --rate FLOPS "
        "or --measure tell, or --time=HH:MM:SS sets one\n");
  }
  const std::string submit = "bash " + slurm::shell_word((setting.folder / "submit.sh").string());
  if (!line.has("submit")) {
    print_out("to submit them: {}\n", submit);
    return kDone;
  }
  flush_out();
  const int status = std::system(submit.c_str());
  if (status != 0) throw InputError("nothing was submitted; what sbatch said stands above");
  return kDone;
}

}  // namespace runner::cli
