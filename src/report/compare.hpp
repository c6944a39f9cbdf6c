#pragma once

#include <vector>

#include "report/cells.hpp"
#include "report/table.hpp"

namespace runner::report {

// The comparison of methods: task scores x 100 on the report split, of each cell's chosen trial.
// Only complete cells count, so that all have spent the same number of runs.

Table methods_csv(const spec::Spec& spec, const std::vector<CellData>& cells);   // method x task
Table methods_twin(const spec::Spec& spec, const std::vector<CellData>& cells);  // tasks as columns

// The paper's ablation: the methods with an acquisition at both levels.
Table pairs_csv(const spec::Spec& spec, const std::vector<CellData>& cells);
Table pairs_twin(const spec::Spec& spec, const std::vector<CellData>& cells);

}  // namespace runner::report
