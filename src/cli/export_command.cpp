// The verb export: the chosen model of a cell as a Hugging Face folder.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/program_options/value_semantic.hpp>
#include <cmath>
#include <filesystem>

#include "cli/cell_model.hpp"
#include "cli/model_folder.hpp"
#include "cli/options.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "experiment/cells.hpp"
#include "experiment/run_folder.hpp"
#include "io/error.hpp"
#include "report/model_card.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

// The complete cell of a task whose chosen trial has the best score on the selection split, the
// first of equals. Tells which others there are.
const report::CellData& best_cell(const std::vector<report::CellData>& cells,
                                  const std::string& task) {
  const report::CellData* best = nullptr;
  bool known = false;
  std::vector<std::string> aside;
  for (const report::CellData& data : cells) {
    if (data.cell.task->task.name != task) continue;
    known = true;
    if (!data.complete) {
      aside.push_back(experiment::cell_name(data.cell));
      if (!data.problem.empty()) aside.back() += fmt::format(" ({})", data.problem);
    }
    const double score = data.selection_score();
    if (!std::isnan(score) && (best == nullptr || score > best->selection_score())) best = &data;
  }
  if (!known) {
    std::vector<std::string> names;
    for (const spec::TaskEntry& entry : cells.front().cell.spec->tasks) {
      names.push_back(entry.task.name);
    }
    throw InputError(fmt::format("command line: --best {}: no task of this name (tasks: {})", task,
                                 fmt::join(names, ", ")));
  }
  if (best == nullptr) {
    throw InputError(fmt::format("command line: --best {}: none of its cells is complete", task));
  }
  if (!aside.empty()) {
    print_error("note: not complete, and so not looked at: {}\n", fmt::join(aside, ", "));
  }
  return *best;
}

constexpr std::string_view kCall =
    "runner export FILE.yaml [key.path=value ...] [--cell CELL | --best TASK] DIR";

}  // namespace

int export_command(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("cell", po::value<std::string>()->value_name("CELL"),
                      "TASK/METHOD/seedS, or a part of it that no other cell has")(
      "best", po::value<std::string>()->value_name("TASK"),
      "the task's cell with the best score on the selection split");
  bool helped = false;
  const CommandLine line = parse(arguments, kCall, flags, helped);
  if (helped) return kDone;
  if (line.words.size() < 2) {
    throw InputError(fmt::format("a spec and a folder are needed\nusage: {}", kCall));
  }
  if (line.has("cell") && line.has("best")) {
    throw InputError("command line: --cell or --best, not both");
  }
  const fs::path folder = line.words.back();
  require_new_folder(folder);
  CommandLine spec_line = line;
  spec_line.words.pop_back();
  const spec::Spec spec = load_spec(spec_line, kCall);
  experiment::refuse_other_spec(spec);
  const std::vector<report::CellData> cells = report::read_cells(spec);
  const report::CellData& data =
      line.has("best") ? best_cell(cells, line.get<std::string>("best"))
                       : find_cell(cells, line.has("cell") ? line.get<std::string>("cell") : "");
  return unless_stopped([&] {
    const CellModel model = read_cell_model(data);
    write_model_folder(folder, model.config, model.weights, spec.model, report::model_card(data));
    print_out("{}: trial {} of {}, {} on the selection split; {}\n", folder.string(), data.chosen,
              model.name,
              data.history.trials[static_cast<std::size_t>(data.chosen)].evaluation.selection.score,
              (folder / "README.md").string());
    return kDone;
  });
}

}  // namespace runner::cli
