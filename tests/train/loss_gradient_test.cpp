#include "train/loss_gradient.hpp"

#include <cmath>

#include "doctest/doctest.h"
#include "fusion/trajectory.hpp"
#include "setup.hpp"
#include "train/evaluate.hpp"

using namespace runner;

TEST_CASE("a loss's slope over fusion weights is that of finite differences") {
  for (const int classes : {2, 1}) {
    CAPTURE(classes);
    const Setup setup;
    std::vector<std::vector<float>> snapshots(3, tiny_weights(setup.config, classes));
    random::Stream stream(3);
    for (auto& snapshot : snapshots) {
      for (float& weight : snapshot) weight += static_cast<float>(0.02 * stream.normal());
    }
    const fusion::Trajectory trajectory(snapshots);
    std::vector<int> rows;
    for (int row = 0; row < 12; ++row) rows.push_back(row);
    train::Evaluator evaluator(setup.config, classes, {});
    const auto loss_at = [&](const std::vector<double>& alpha) {
      const std::vector<float> weights = trajectory.mix(alpha);
      evaluator.load(weights);
      return evaluator.score(setup.data, rows).mean_loss;
    };
    const std::vector<double> alpha = {0.2, 0.5, 0.3};
    train::LossGradient slope(setup.config, classes, {});
    const auto result = slope.at(trajectory.mix(alpha), setup.data, rows);
    CHECK(result.mean_loss == doctest::Approx(loss_at(alpha)).epsilon(1e-5));
    CHECK(result.flops > 0.0);
    const std::vector<double> gradient = trajectory.project(result.gradient);
    for (std::size_t k = 0; k < alpha.size(); ++k) {
      constexpr double kStep = 2e-3;
      auto above = alpha, below = alpha;
      above[k] += kStep;
      below[k] -= kStep;
      const double difference = (loss_at(above) - loss_at(below)) / (2 * kStep);
      CHECK(gradient[k] == doctest::Approx(difference).epsilon(5e-3));
    }
    // bf16 moves both by its rounding.
    train::LossGradient rounded(setup.config, classes, {}, train::Precision::bf16);
    const auto coarse = rounded.at(trajectory.mix(alpha), setup.data, rows);
    CHECK(coarse.mean_loss != result.mean_loss);
    CHECK(coarse.mean_loss == doctest::Approx(result.mean_loss).epsilon(2e-2));
    const std::vector<double> coarse_gradient = trajectory.project(coarse.gradient);
    for (std::size_t k = 0; k < alpha.size(); ++k) {
      CHECK(std::abs(coarse_gradient[k] - gradient[k]) < 0.05 * (std::abs(gradient[k]) + 0.1));
    }
    // The same again, from the same object.
    CHECK(slope.at(trajectory.mix(alpha), setup.data, rows).gradient == result.gradient);
  }
}
