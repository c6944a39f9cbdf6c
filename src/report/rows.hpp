#pragma once

#include <vector>

#include "report/cells.hpp"
#include "report/table.hpp"

namespace runner::report {

// One row for each thing that happened, in the order of the cells. A `run` is named by its content:
// cells that shared a training run show the same name.

// The name of the training run behind a trial, by its content; empty when it left no curve.
std::string run_name(const experiment::TrialRecord& trial);

Table trials_csv(const spec::Spec& spec, const std::vector<CellData>& cells);
Table fusion_csv(const std::vector<CellData>& cells);
// One row per point of each distinct run's curve, under the first trial that used it. Beyond 500
// steps a point stands for the steps since the one before it.
Table curves_csv(const std::vector<CellData>& cells);
// What each fit of the Gaussian process found, at both levels.
Table diagnostics_csv(const std::vector<CellData>& cells);
// Every measured second and rate: the only table that two runs of the same spec differ in. Read at
// equal seconds: the score of the incumbent by the seconds that its cell had spent.
Table timings_csv(const std::vector<CellData>& cells);

}  // namespace runner::report
