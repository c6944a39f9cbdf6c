#include "bo/simplex.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace runner::bo {

void project_to_simplex(std::span<double> v) {
  if (v.empty()) return;
  std::vector<double> sorted(v.begin(), v.end());
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  double sum = 0.0, shift = 0.0;
  for (std::size_t k = 0; k < sorted.size(); ++k) {
    sum += sorted[k];
    const double candidate = (sum - 1.0) / static_cast<double>(k + 1);
    if (sorted[k] > candidate) shift = candidate;
  }
  for (double& x : v) x = std::max(x - shift, 0.0);
}

void dirichlet_from_uniform(std::span<double> u) {
  double sum = 0.0;
  for (double& x : u) {
    x = -std::log1p(-std::min(x, 1.0 - 0x1.0p-53));
    sum += x;
  }
  for (double& x : u) x = sum > 0.0 ? x / sum : 1.0 / static_cast<double>(u.size());
}

}  // namespace runner::bo
