#pragma once

#include <string>

#include "report/cells.hpp"

namespace runner::report {

// README.md of a model's folder, as Hugging Face shows it: what the chosen model of a cell was made
// from and how, its scores with their splits, and how to make it again. The cell has a chosen
// trial.
std::string model_card(const CellData& data);

}  // namespace runner::report
