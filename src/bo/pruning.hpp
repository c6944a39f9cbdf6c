#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace runner::bo {

// Ends trials early that will hardly become the best, by their learning curves. A trial is looked
// at on rungs, the same shares of every trial's own length; all values are minimised.

// Where a trial is looked at, ascending: 1/reduction^k of its length, k >= 1, down to a tenth;
// [1/9, 1/3] for 3. reduction in (1, 10].
std::vector<double> rungs(double reduction);

// What an earlier trial had on a rung.
struct RungValue {
  double value = 0.0;
  bool finished = true;  // else it was stopped, there or later, or failed
};

// One row of the table of pruning rules.
struct PruningRule {
  std::string_view name, summary;
  // The largest value with which a trial goes on beyond a rung, by what earlier trials had on it;
  // infinity where there is no reason to stop any. Values that are not a number do not count.
  double (*limit)(std::span<const RungValue> earlier, double reduction);
};

std::span<const PruningRule> pruning_rules();
const PruningRule* find_pruning_rule(std::string_view name);  // null: there is none

}  // namespace runner::bo
