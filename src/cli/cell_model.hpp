#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/options.hpp"
#include "model/config.hpp"
#include "report/cells.hpp"
#include "spec/spec.hpp"

namespace runner::cli {

// The chosen model of a cell: that of the trial with the best score on the selection split.
struct CellModel {
  std::string name;             // the cell's
  model::EncoderConfig config;  // with the task's labels
  std::vector<float> weights;   // fused, flat; a number's head in the task's own unit
  spec::Trial settings;         // of its run
};

// A verb's work that may form such a model: its exit code, also when a signal stopped it.
int unless_stopped(const std::function<int()>& work);

// Is this the folder of a run's cell: RUN/cells/TASK/METHOD/seedS?
bool is_cell_folder(const std::filesystem::path& folder);

// The spec that the run of a cell's folder was begun with.
spec::Spec spec_of(const std::filesystem::path& cell_folder);

// The one cell of `cells` that `pattern` names: as a whole, or as a part of its name that no other
// has. Throws InputError listing those that it could be.
const report::CellData& find_cell(const std::vector<report::CellData>& cells,
                                  const std::string& pattern);

// Forms the model from the cell's run, which is trained again where the store has not kept it.
// Throws InputError where the cell has no trial with a result, experiment::Stopped after a signal.
CellModel read_cell_model(const report::CellData& data);

}  // namespace runner::cli
