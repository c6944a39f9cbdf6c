#include "bo/hedge.hpp"

#include <algorithm>
#include <cmath>

namespace runner::bo {

std::vector<double> hedge_probabilities(const Gp& gp,
                                        std::span<const std::vector<std::vector<double>>> rounds,
                                        std::size_t acquisitions) {
  std::vector<double> gains(acquisitions);
  for (const auto& nominees : rounds) {
    std::vector<double> rewards;
    double average = 0.0;
    for (const auto& nominee : nominees) {
      rewards.push_back(-gp.predict(nominee, false).mean);
      average += rewards.back() / static_cast<double>(acquisitions);
    }
    for (std::size_t i = 0; i < acquisitions; ++i) gains[i] += rewards[i] - average;
  }
  const double count = std::max<double>(1.0, static_cast<double>(rounds.size()));
  const double rate = std::sqrt(8.0 * std::log(static_cast<double>(acquisitions)) / count);
  const double highest = *std::max_element(gains.begin(), gains.end());
  double sum = 0.0;
  for (double& g : gains) {
    g = std::exp(rate * (g - highest));
    sum += g;
  }
  for (double& g : gains) g /= sum;
  return gains;
}

}  // namespace runner::bo
