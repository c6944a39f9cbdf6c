#include "cli/cell_model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cli/engine.hpp"
#include "cli/signals.hpp"
#include "cli/streams.hpp"
#include "experiment/cells.hpp"
#include "experiment/outer.hpp"
#include "experiment/run_folder.hpp"
#include "io/error.hpp"
#include "model/layout.hpp"
#include "spec/load.hpp"

namespace runner::cli {
namespace fs = std::filesystem;

namespace {

// RUN of RUN/cells/TASK/METHOD/seedS.
fs::path run_of(const fs::path& cell_folder) {
  return fs::absolute(cell_folder / "")
      .lexically_normal()
      .parent_path()
      .parent_path()
      .parent_path()
      .parent_path()
      .parent_path();
}

// In training targets are divided by the scale, so the output is multiplied by it.
void scale_output(const model::Layout& layout, double scale, std::vector<float>& weights) {
  for (const model::Parameter& parameter : layout.parameters) {
    if (parameter.part != model::Part::output) continue;
    for (float& value : std::span(weights).subspan(static_cast<std::size_t>(parameter.offset),
                                                   static_cast<std::size_t>(parameter.size))) {
      value = static_cast<float>(value * scale);
    }
  }
}

// While it lives signals only set a flag.
struct Interruptible {
  Interruptible() { install_signal_handlers(); }
  ~Interruptible() { remove_signal_handlers(); }
};

}  // namespace

int unless_stopped(const std::function<int()>& work) {
  try {
    return work();
  } catch (const experiment::Stopped&) {
    print_error("interrupted; the same command goes on\n");
    return exit_code_after_stop();
  }
}

bool is_cell_folder(const fs::path& folder) {
  return fs::exists(folder / "journal.jsonl") && experiment::is_run(run_of(folder));
}

spec::Spec spec_of(const fs::path& cell_folder) {
  return spec::load(run_of(cell_folder) / "resolved.yaml");
}

const report::CellData& find_cell(const std::vector<report::CellData>& cells,
                                  const std::string& pattern) {
  std::vector<const report::CellData*> found;
  for (const report::CellData& data : cells) {
    const std::string name = experiment::cell_name(data.cell);
    if (name == pattern) return data;
    if (name.find(pattern) != std::string::npos) found.push_back(&data);
  }
  if (found.size() == 1) return *found.front();
  std::vector<std::string> names;
  if (found.empty()) {
    for (const report::CellData& data : cells) names.push_back(experiment::cell_name(data.cell));
  } else {
    for (const auto* data : found) names.push_back(experiment::cell_name(data->cell));
  }
  throw InputError(fmt::format("'{}' names {}:\n  {}", pattern,
                               found.empty() ? "no cell; there are" : "several cells",
                               fmt::join(names, "\n  ")));
}

CellModel read_cell_model(const report::CellData& data) {
  const experiment::Cell& cell = data.cell;
  CellModel model;
  model.name = experiment::cell_name(cell);
  if (data.chosen < 0) {
    throw InputError(fmt::format("{}: has no trial with a result yet; 'runner {}' goes on with it",
                                 model.name, cell.spec->file.string()));
  }
  if (!data.complete) {
    print_error("note: {} is not complete; this is the best of {} trials\n", model.name,
                data.history.trials.size());
  }
  const experiment::TrialRecord& trial = data.history.trials[static_cast<std::size_t>(data.chosen)];
  model.settings = experiment::settings(cell, trial);
  const lab::Engine& compute = engine();
  const int threads = cell.spec->threads > 0 ? cell.spec->threads : compute.auto_threads();
  const fs::path folder = experiment::run_folder(*cell.spec);
  const Interruptible interruptible;
  experiment::Presence presence(folder);
  const auto laboratory =
      compute.make_laboratory(*cell.spec, folder / "store", threads,
                              [](const std::string& text) { print_error("note: {}\n", text); });
  const experiment::RunRequest request = experiment::request_of(cell, trial);
  const bool is_soup = cell.method->search == spec::Search::soup;
  const auto key = is_soup ? std::vector<std::string>() : laboratory->keys({request});
  if (!trial.run.empty() && !key.empty() && key.front() != trial.run) {
    throw InputError(fmt::format(
        "{}: its training run was {}, and would be {} now: another version of this program, or "
        "another kind of device, trained it",
        model.name, trial.run, key.front()));
  }
  lab::FusedModel fused;
  try {
    const auto should_stop = [&presence] {
      presence.beat();
      return stop_requested();
    };
    if (is_soup) {
      const auto donated = experiment::read_history(*experiment::donor_of(cell)).trials;
      fused = laboratory->souped_model(request, experiment::ingredients_of(cell, donated),
                                       trial.alpha, should_stop);
    } else {
      fused = laboratory->fused_model(request, trial.alpha, should_stop);
    }
  } catch (const experiment::Busy& busy) {
    throw InputError(fmt::format("{}: its training run is at work: {}", model.name, busy.holder));
  }
  if (stop_requested()) throw experiment::Stopped();
  model.config = std::move(fused.config);
  model.config.labels = cell.task->task.labels;
  model.weights = std::move(fused.weights);
  if (cell.task->task.regression) {
    scale_output(model::make_layout(model.config, 1), model.settings.train.target_scale,
                 model.weights);
  }
  return model;
}

}  // namespace runner::cli
