#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bo/space.hpp"
#include "spec/read.hpp"

namespace runner::spec {

// Whose names a map of variables may use.
enum class Names {
  table,  // rows of variables.cpp, inside their ranges; type and scale default to the row's
  any,    // anything that is a CSV column; a simplex is allowed, scale defaults to linear
};

// A map of searched variables, the same in `search:` of a spec and in the space of `suggest`:
//   lr:     {type: real, low: 1e-6, high: 1e-4, scale: log}
//   layers: {type: integer, low: 0, high: 12}
//   batch:  {type: choice, values: [8, 16, 32]}
//   w:      {type: simplex, size: 5}
std::vector<bo::Variable> parse_variables(const Node& node, std::string_view what, Names names,
                                          Problems& problems);

// The inverse of parse_variables for one variable: "{type: real, low: 1e-06, ...}".
std::string written(const bo::Variable& variable);

// What `runner suggest --space FILE` optimises.
struct SuggestSpace {
  bo::Space space;
  bool maximise = false;
  std::string objective = "y";  // the history's column
  // The history's columns of the variables in the order of a bo::Point: a simplex w of size 2 has
  // w_1 and w_2.
  std::vector<std::string> columns() const;
};

// Reads `goal:` (minimise or maximise), `objective:` and `variables:`. Throws InputError with all
// problems.
SuggestSpace load_space(const std::filesystem::path& file);

}  // namespace runner::spec
