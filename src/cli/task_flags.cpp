#include "cli/task_flags.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/program_options/value_semantic.hpp>
#include <cstdlib>

#include "cli/streams.hpp"
#include "data/cache.hpp"
#include "data/glue.hpp"
#include "data/splits.hpp"
#include "data/tasks.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "spec/load.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

TaskToRead spec_task(const CommandLine& line, const std::string& name) {
  const auto file = line.get<std::string>("spec");
  const spec::Spec spec = spec::load(file);
  const data::Task* const glue = data::find_task(name);
  std::vector<std::string> known;
  for (const spec::TaskEntry& entry : spec.tasks) {
    known.push_back(entry.task.name);
    if (entry.task.name != name && (glue == nullptr || entry.task.name != glue->name)) continue;
    return {entry.task,
            spec.glue_root,
            spec.max_dev_rows,
            {entry.recipe.train.max_length, entry.recipe.train.precision}};
  }
  throw InputError(
      fmt::format("{}: has no task '{}' (tasks: {})", file, name, fmt::join(known, ", ")));
}

}  // namespace

void add_task_flags(po::options_description& flags) {
  flags.add_options()("task", po::value<std::string>()->value_name("TASK"),
                      "one of GLUE's, or of --spec's own")(
      "spec", po::value<std::string>()->value_name("FILE"),
      "reads the task as this spec does: files, max_dev_rows, max_length, precision")(
      "glue", po::value<std::string>()->value_name("DIR"), "GLUE's folders (else RUNNER_GLUE)");
}

TaskToRead read_task_flags(const CommandLine& line) {
  const auto name = line.get<std::string>("task");
  TaskToRead task;
  if (line.has("spec")) {
    task = spec_task(line, name);
  } else {
    const data::Task* const glue = data::find_task(name);
    if (glue == nullptr) {
      throw InputError(fmt::format(
          "command line: --task {} is none of GLUE's; --spec FILE names the spec that has it",
          name));
    }
    task.task = *glue;
    const char* const root = std::getenv("RUNNER_GLUE");
    if (root != nullptr) task.root = root;
    if (root == nullptr && !line.has("glue")) {
      throw InputError(
          "GLUE's folders are looked for below --glue DIR, or RUNNER_GLUE, or where --spec says");
    }
  }
  if (line.has("glue")) task.root = line.get<std::string>("glue");
  return task;
}

void require_parts(const TaskToRead& task, const std::vector<data::SplitFile>& parts) {
  for (const data::SplitFile& part : parts) {
    const fs::path path = data::split_path(task.task, part, task.root);
    if (fs::exists(path)) continue;
    throw InputError(fmt::format("{}: there is no such file", path.string()));
  }
}

data::EncodedSplit read_part(const TaskToRead& task, const data::SplitFile& part, int count,
                             const data::Tokenizer& tokenizer, int max_length) {
  const fs::path path = data::split_path(task.task, part, task.root);
  std::int64_t skipped = 0;
  const auto examples =
      data::parse_split(task.task, part, io::read_file(path), path.string(), &skipped);
  if (skipped > 0) {
    print_error("note: {}: {} malformed rows were skipped\n", path.string(), skipped);
  }
  return data::capped(data::encode(tokenizer, examples, max_length), task.task.regression, count,
                      data::report_rows_seed());
}

}  // namespace runner::cli
