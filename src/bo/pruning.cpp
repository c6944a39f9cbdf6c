#include "bo/pruning.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

namespace runner::bo {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();
constexpr double kFirstRung = 0.1;

// Ascending.
std::vector<double> values_of(std::span<const RungValue> earlier, bool finished_only) {
  std::vector<double> values;
  for (const RungValue& rung : earlier) {
    if (std::isnan(rung.value) || (finished_only && !rung.finished)) continue;
    values.push_back(rung.value);
  }
  std::ranges::sort(values);
  return values;
}

// Golovin et al. (2017), "Google Vizier: a service for black-box optimization", section 3.2.2,
// with the trials' values on the rung in place of their running averages.
double median(std::span<const RungValue> earlier, double) {
  const std::vector<double> values = values_of(earlier, true);
  if (values.empty()) return kNone;
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

// Li et al. (2020), "A system for massively parallel hyperparameter tuning", algorithm 2: of n
// trials that have come to a rung, this one among them, the best n / reduction go on. A search that
// makes its trials one by one cannot come back to one that waits, so the best of fewer than
// `reduction` goes on too.
double halving(std::span<const RungValue> earlier, double reduction) {
  const std::vector<double> values = values_of(earlier, false);
  const double trials = static_cast<double>(values.size()) + 1.0;
  const auto promoted = static_cast<std::size_t>(std::max(1.0, std::floor(trials / reduction)));
  return promoted > values.size() ? kNone : values[promoted - 1];
}

constexpr std::array kRules = {
    PruningRule{"median", "stops what is worse than the median of the finished trials there",
                median},
    PruningRule{"halving", "lets the best 1/reduction of all trials go on (ASHA)", halving},
};

}  // namespace

std::vector<double> rungs(double reduction) {
  std::vector<double> shares;
  for (double share = 1.0 / reduction; share >= kFirstRung; share /= reduction) {
    shares.push_back(share);
  }
  std::ranges::reverse(shares);
  return shares;
}

std::span<const PruningRule> pruning_rules() { return kRules; }

const PruningRule* find_pruning_rule(std::string_view name) {
  const auto row = std::ranges::find(kRules, name, &PruningRule::name);
  return row == kRules.end() ? nullptr : &*row;
}

}  // namespace runner::bo
