// The verb submit: GLUE's submission zip.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/program_options/value_semantic.hpp>
#include <cmath>
#include <filesystem>
#include <map>

#include "cli/cell_model.hpp"
#include "cli/loaded_model.hpp"
#include "cli/options.hpp"
#include "cli/signals.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "data/cache.hpp"
#include "data/metrics.hpp"
#include "data/submission.hpp"
#include "data/tasks.hpp"
#include "experiment/run.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/zip.hpp"
#include "spec/load.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

// One file of the submission: what answers it, or why nothing does.
struct Answer {
  const data::SubmissionFile* file = nullptr;
  const data::Task* task = nullptr;
  const report::CellData* cell = nullptr;
  fs::path test{};
  std::string missing{};  // empty: nothing is
};

// The method's cell of a task: of `seed`, or with the best score on the selection split. Null when
// none is complete.
const report::CellData* cell_of(const std::vector<report::CellData>& cells, std::string_view task,
                                std::string_view method, std::optional<std::uint64_t> seed) {
  const report::CellData* best = nullptr;
  for (const report::CellData& data : cells) {
    if (data.cell.task->task.name != task || data.cell.method->name != method) continue;
    if (seed && data.cell.seed != *seed) continue;
    const double score = data.selection_score();
    if (!std::isnan(score) && (best == nullptr || score > best->selection_score())) best = &data;
  }
  return best;
}

std::vector<Answer> find_answers(const spec::Spec& spec, const std::vector<report::CellData>& cells,
                                 const std::string& method, std::optional<std::uint64_t> seed) {
  std::vector<Answer> answers;
  for (const data::SubmissionFile& file : data::submission_files()) {
    Answer answer{.file = &file, .task = data::find_task(file.task)};
    const data::SplitFile& test = answer.task->test.at(file.part);
    answer.test = data::split_path(*answer.task, test, spec.glue_root);
    answer.cell = cell_of(cells, file.model, method, seed);
    if (answer.cell == nullptr) {
      answer.missing = fmt::format("no complete cell of {}", file.model);
    } else if (!fs::exists(answer.test)) {
      answer.missing = answer.test.string() + " is not there";
    }
    answers.push_back(std::move(answer));
  }
  return answers;
}

// What a task that nothing answers gets: its first label, or 0, for every row.
std::string filled(const Answer& answer) {
  std::vector<std::string> index;
  if (fs::exists(answer.test)) {
    index = data::read_index(*answer.task, answer.task->test.at(answer.file->part),
                             io::read_file(answer.test), answer.test.string());
  } else {
    for (int row = 0; row < answer.file->rows; ++row) index.push_back(std::to_string(row));
  }
  return data::submission_text(*answer.task, index, std::vector<float>(index.size()));
}

std::string answered(const Answer& answer, LoadedModel& model) {
  const data::SplitFile& test = answer.task->test.at(answer.file->part);
  const std::string bytes = io::read_file(answer.test);
  const auto examples = data::parse_split(*answer.task, test, bytes, answer.test.string());
  if (static_cast<int>(examples.size()) != answer.file->rows) {
    print_error("note: {}: has {} rows, GLUE's own {}: the leaderboard will refuse it\n",
                answer.test.string(), examples.size(), answer.file->rows);
  }
  const std::vector<float> logits =
      model.logits(data::encode(model.tokenizer(), examples, model.max_length()));
  return data::submission_text(*answer.task,
                               data::read_index(*answer.task, test, bytes, answer.test.string()),
                               data::predict(*answer.task, logits));
}

constexpr std::string_view kCall =
    "runner submit FILE.yaml [key.path=value ...] --method METHOD [--seed S] [--fill-missing] "
    "[--out FILE.zip]";

}  // namespace

int submit_command(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("method", po::value<std::string>()->value_name("METHOD"),
                      "as the tables print it")(
      "seed", po::value<std::uint64_t>()->value_name("S"),
      "of every task; else each task's with the best score on the selection split")(
      "fill-missing", "answer a task that has no model, or no test file, by its first label")(
      "out", po::value<std::string>()->value_name("FILE.zip"),
      "where to write it; else METHOD.zip in the run's folder submissions");
  add_model_flags(flags);
  bool helped = false;
  const CommandLine line = parse(arguments, kCall, flags, helped);
  if (helped) return kDone;
  if (line.words.empty() || !line.has("method")) {
    throw InputError(fmt::format("a spec and --method METHOD are needed\nusage: {}", kCall));
  }
  const spec::Spec spec = spec::load(line.words[0], {line.words.begin() + 1, line.words.end()});
  const auto method = line.get<std::string>("method");
  std::vector<std::string> methods;
  for (const spec::Method& known : spec.methods) methods.push_back(known.name);
  if (std::ranges::find(methods, method) == methods.end()) {
    throw InputError(
        fmt::format("command line: --method {}: the spec has none of this name "
                    "(methods: {})",
                    method, fmt::join(methods, ", ")));
  }
  std::optional<std::uint64_t> seed;
  if (line.has("seed")) seed = line.get<std::uint64_t>("seed");
  const std::vector<report::CellData> cells = report::read_cells(spec);
  const std::vector<Answer> answers = find_answers(spec, cells, method, seed);
  std::vector<std::string> missing;
  for (const Answer& answer : answers) {
    if (answer.missing.empty()) continue;
    missing.push_back(fmt::format("{}: {}", answer.file->name, answer.missing));
  }
  if (missing.size() == answers.size()) {
    throw InputError(fmt::format("nothing to submit:\n  {}", fmt::join(missing, "\n  ")));
  }
  if (!missing.empty() && !line.has("fill-missing")) {
    throw InputError(fmt::format(
        "GLUE takes all of its tasks or none; {} cannot be answered:\n  {}\n--fill-missing answers "
        "them by their first label",
        missing.size(), fmt::join(missing, "\n  ")));
  }
  const fs::path out = line.has("out")
                           ? fs::path(line.get<std::string>("out"))
                           : experiment::run_folder(spec) / "submissions" / (method + ".zip");

  std::vector<io::ZipEntry> entries;
  try {
    // Of the last answer alone: those that share one, as MNLI's, are neighbours.
    std::string_view loaded;
    std::unique_ptr<LoadedModel> model;
    for (const Answer& answer : answers) {
      if (!answer.missing.empty()) {
        entries.push_back({std::string(answer.file->name), filled(answer)});
        print_out("{:<12} filled: {}\n", answer.file->name, answer.missing);
        continue;
      }
      if (answer.file->model != loaded) {
        loaded = answer.file->model;
        model.reset();
        model = std::make_unique<LoadedModel>(experiment::cell_folder(answer.cell->cell), line);
      }
      entries.push_back({std::string(answer.file->name), answered(answer, *model)});
      print_out("{:<12} {}\n", answer.file->name, experiment::cell_name(answer.cell->cell));
    }
  } catch (const experiment::Stopped&) {
    print_error("interrupted; the same command goes on\n");
    return exit_code_after_stop();
  }
  io::write_zip_atomic(out, entries);
  print_out("{}\n", out.string());
  return kDone;
}

}  // namespace runner::cli
