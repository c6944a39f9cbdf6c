#pragma once

#include <limits>
#include <vector>

#include "bo/space.hpp"

namespace runner::bo {

enum class Status { ok, failed, pending };

// One evaluation of what is minimised.
struct Observation {
  Point x;
  double y = std::numeric_limits<double>::quiet_NaN();  // objective, minimised; ignored unless ok
  Status status = Status::ok;
  double y2 = std::numeric_limits<double>::quiet_NaN();  // second objective, minimised: ehvi alone
  // Known variances of y and y2; NaN: unknown.
  double noise_variance = std::numeric_limits<double>::quiet_NaN();
  double noise_variance2 = std::numeric_limits<double>::quiet_NaN();
  // Suggestion::warm_start of the fit that proposed x; empty: cold fit
  std::vector<double> warm_start{};
  std::vector<double> nominees{};  // Suggestion::nominees beside x; empty: not a round of hedge
};

}  // namespace runner::bo
