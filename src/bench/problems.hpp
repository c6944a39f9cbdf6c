#pragma once

#include <span>
#include <string_view>

#include "bo/space.hpp"

namespace runner::bench {

// A test problem with a known minimum: what `runner bench bo` and the regret test run.
struct Problem {
  std::string_view name, source;
  bo::Type type;     // real: a box; simplex: weights
  int size;          // number of real variables, or of weights
  double low, high;  // the box's bounds, when they are the same for all variables
  double minimum;    // the least value
  int budget;        // evaluations of the published comparisons
  double (*function)(std::span<const double> x);

  bo::Space space() const;
  double operator()(const bo::Point& x) const { return function(x); }
  // The point at u in the unit cube; weights are u / sum(u).
  bo::Point from_unit(std::span<const double> u) const;
};

std::span<const Problem> problems();

}  // namespace runner::bench
