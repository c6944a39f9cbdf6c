#pragma once

#include <string>
#include <vector>

#include "experiment/journal.hpp"
#include "experiment/outer.hpp"
#include "spec/spec.hpp"

namespace runner::report {

// What the tables are made of: every cell of a spec with what its journal holds, task by task,
// method by method, by seed. The order, and so every byte of the tables, does not depend on which
// process ran what or when.
struct CellData {
  experiment::Cell cell;
  experiment::History history;
  std::string problem = {};  // what is damaged in its journal; empty: nothing
  bool complete = false;     // all its planned trials are there
  int chosen = -1;           // index of the trial with the best selection score; -1: none

  // The chosen trial's score on the report split, x 100, of a confirmation the mean of all; NaN
  // unless complete with a result.
  double score() const;
  double selection_score() const;  // the same on the selection split
  // The chosen trial's, of the report split, part by part; empty unless complete with a result.
  const std::vector<experiment::Predictions>& predictions() const;

 private:
  double of_chosen(double (*score_of)(const experiment::TrialRecord&)) const;
};

std::vector<CellData> read_cells(const spec::Spec& spec);

// What a table says of its columns: "holdout:0.1", and what it was chosen on: "dev" or
// "dev (also selected on)".
std::string selection_split(const spec::Spec& spec);
std::string report_split(const spec::Spec& spec);
std::string row_cap(int rows);  // "all" for no cap

}  // namespace runner::report
