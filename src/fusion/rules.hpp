#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "fusion/options.hpp"

namespace runner::fusion {

// What a rule needs beside the snapshots' number.
enum class Needs {
  nothing,  // fixed weights
  scores,   // a value of every single snapshot, to be minimised: minus its selection score
  average,  // the run's own exponential moving average: no weights over snapshots
  search,   // the inner loop
};

struct Rule {
  std::string_view name;
  std::string_view summary;
  Needs needs = Needs::nothing;
  // Weights over K snapshots [K], summing to 1; null unless needs is nothing or scores.
  // `losses` [K] are those values, empty unless needs is scores.
  std::vector<double> (*weights)(int snapshots, const Options& options,
                                 std::span<const double> losses) = nullptr;
};

// Every rule that a spec may name, in the order that `runner list` prints.
std::span<const Rule> rules();
// Null when there is none of this name.
const Rule* find_rule(std::string_view name);

// First points of the inner loop: each vertex (a single snapshot, the last first), uniform (SWA),
// and the means of the 2, 4, ... < K last (LAWA). Each [K], no point twice.
std::vector<std::vector<double>> inner_starts(int snapshots);

}  // namespace runner::fusion
