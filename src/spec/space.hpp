#pragma once

#include <string>
#include <string_view>
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
//   decay:  {type: real, low: 0, high: 0.1, when: {batch: [16, 32]}}
// `when` names choices and integers of the same map, each with a value or several: the variable
// exists only where all of them exist and have one of these. A choice may not list one value twice
// in two spellings (1e-5, 0.00001).
std::vector<bo::Variable> parse_variables(const Node& node, std::string_view what, Names names,
                                          Problems& problems);

// The inverse of parse_variables for one of its variables: "{type: real, low: 1e-06, ...}".
std::string written(const bo::Variable& variable, const std::vector<bo::Variable>& all);

}  // namespace runner::spec
