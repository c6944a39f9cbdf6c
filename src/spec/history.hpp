#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bo/observation.hpp"
#include "spec/suggest_space.hpp"

namespace runner::spec {

struct HistoryOptions {
  bool keep_outside = false;  // rows outside the bounds, and values not listed, are knowledge
  bool hedge = false;         // what the acquisitions nominated is wanted
  std::vector<std::pair<std::string, std::string>> where{};  // only rows with these (column, value)
};

// What a CSV tells `suggest`.
struct HistoryRows {
  std::vector<bo::Observation> observations;
  std::vector<int> lines;          // where each stands, 1-based
  std::vector<std::string> notes;  // what a person should know of how it was read
};

// Reads a history as pandas, R, spreadsheets and this program's trials.csv write one: a column per
// variable, one per objective, in any order; optional are `status` and the noise's and nominees'
// columns, others are ignored. Values compare as numbers and truths (find_value). An objective that
// is empty, not a number or infinite is a failed trial. The fields of variables that do not exist
// in a row are not looked at. `name` is what errors call it. Values that the space does not list
// (any more) join its variables as retired ones if they are to be kept. Throws InputError naming
// line, column and value of all that is wrong.
HistoryRows read_history(std::string_view text, const std::string& name,
                         const HistoryOptions& options, SuggestSpace& space);

}  // namespace runner::spec
