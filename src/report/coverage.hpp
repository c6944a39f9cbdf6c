#pragma once

#include <array>
#include <string_view>

#include "random/philox.hpp"
#include "report/statistics.hpp"

namespace runner::report {

// How often the intervals of the tables hold the truth, by simulation: what is claimed for them.

// A distribution of paired differences whose mean is known.
struct Shape {
  std::string_view name;
  double mean;
  double (*draw)(random::Stream& stream);
};

inline constexpr int kShapes = 4;
// normal; Student's t with 3 degrees of freedom; lognormal (skewed); collapsing: normal, and once
// in twenty 20 standard deviations lower.
const std::array<Shape, kShapes>& shapes();

struct Coverage {
  double covered = 0.0;       // share of the simulations whose interval holds the truth
  double half_width = 0.0;    // median, of those that have an interval
  double false_alarms = 0.0;  // share with p < .05 where there is no difference
};

// The t interval over `seeds` values of each of `tasks` strata; where `uneven`, the strata's scales
// go from 1 to 4. A simulation without an interval counts as not covered.
Coverage simulate_t(const Shape& shape, int seeds, int tasks, bool uneven, int simulations,
                    std::uint64_t seed);

// Two methods that are equally good over all rows and seeds but not on each row: each row has a
// difficulty for both and one for each, each trained model a level of its own.
struct CrossedCoverage {
  double t = 0.0;  // of "no difference" by the t interval over seeds, which takes the rows as given
  double crossed = 0.0;  // by crossed resampling
  double rows = 0.0;     // of the difference of the first seed's two models, by resampling rows
};
CrossedCoverage simulate_crossed(int seeds, int tasks, int rows, int resamples, int simulations,
                                 std::uint64_t seed);

}  // namespace runner::report
