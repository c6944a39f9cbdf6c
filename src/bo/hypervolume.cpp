#include "bo/hypervolume.hpp"

#include <algorithm>

namespace runner::bo {
std::vector<Outcome> pareto_front(std::vector<Outcome> outcomes) {
  std::sort(outcomes.begin(), outcomes.end());
  std::vector<Outcome> front;
  for (const Outcome& o : outcomes) {
    if (front.empty() || o[1] < front.back()[1]) front.push_back(o);
  }
  return front;
}

Outcome reference_point(std::span<const Outcome> front) {
  const Outcome &first = front.front(), &last = front.back();
  const double width = last[0] - first[0], height = first[1] - last[1];
  return {last[0] + 0.1 * (width > 0.0 ? width : 1.0),
          first[1] + 0.1 * (height > 0.0 ? height : 1.0)};
}

HypervolumeImprovement expected_hypervolume_improvement(
    const std::array<Prediction, 2>& predictions, std::span<const Outcome> front,
    const Outcome& reference) {
  HypervolumeImprovement out;
  AcquisitionValue left;  // psi_1(a_i)
  double ceiling = reference[1];
  for (std::size_t i = 0; i <= front.size(); ++i) {
    const double end = i < front.size() ? std::min(front[i][0], reference[0]) : reference[0];
    const AcquisitionValue right = improvement_below(end, predictions[0]);
    const AcquisitionValue height = improvement_below(ceiling, predictions[1]);
    const double width = right.value - left.value;
    out.value += width * height.value;
    out.by_mean[0] += (right.by_mean - left.by_mean) * height.value;
    out.by_stddev[0] += (right.by_stddev - left.by_stddev) * height.value;
    out.by_mean[1] += width * height.by_mean;
    out.by_stddev[1] += width * height.by_stddev;
    left = right;
    if (i < front.size()) ceiling = std::min(ceiling, front[i][1]);
  }
  return out;
}

}  // namespace runner::bo
