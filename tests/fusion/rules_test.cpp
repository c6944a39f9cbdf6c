#include "fusion/rules.hpp"

#include <cmath>
#include <numeric>
#include <set>

#include "doctest/doctest.h"

using namespace runner::fusion;

TEST_CASE("every rule with fixed weights lies on the simplex, for any number of snapshots") {
  for (const Rule& rule : rules()) {
    CAPTURE(rule.name);
    CHECK(find_rule(rule.name) == &rule);
    CHECK((rule.weights != nullptr) ==
          (rule.needs == Needs::nothing || rule.needs == Needs::scores));
    if (rule.weights == nullptr) continue;
    for (int count = 1; count <= 6; ++count) {
      const std::vector<double> losses(static_cast<std::size_t>(count), 0.5);
      const std::vector<double> weights = rule.weights(count, Options{}, losses);
      REQUIRE(weights.size() == static_cast<std::size_t>(count));
      CHECK(std::accumulate(weights.begin(), weights.end(), 0.0) == doctest::Approx(1.0));
    }
  }
  CHECK(find_rule("mean") == nullptr);
}

TEST_CASE("lawa, swa, last and best give the weights that their names say") {
  Options options;
  options.last_k = 2;
  CHECK(find_rule("lawa")->weights(4, options, {}) == std::vector<double>{0, 0, 0.5, 0.5});
  CHECK(find_rule("swa")->weights(4, options, {}) == std::vector<double>(4, 0.25));
  CHECK(find_rule("last")->weights(3, options, {}) == std::vector<double>{0, 0, 1});
  const std::vector<double> losses = {0.3, 0.1, std::nan("")};
  CHECK(find_rule("best")->weights(3, options, losses) == std::vector<double>{0, 1, 0});
  const std::vector<double> equal = {0.1, 0.1, 0.2};
  CHECK(find_rule("best")->weights(3, options, equal) == std::vector<double>{0, 1, 0});
}

TEST_CASE("the inner loop starts from distinct points: vertices, uniform, means of the last") {
  for (int count = 1; count <= 8; ++count) {
    const auto starts = inner_starts(count);
    CHECK(std::set(starts.begin(), starts.end()).size() == starts.size());
    // Of 8: 8 vertices, the mean of all, of the last 2 and of the last 4.
    static constexpr std::size_t kSizes[] = {1, 3, 5, 6, 8, 9, 10, 11};
    CHECK(starts.size() == kSizes[count - 1]);
    CHECK(starts.front().back() == 1.0);
    for (const auto& start : starts)
      CHECK(std::accumulate(start.begin(), start.end(), 0.0) == doctest::Approx(1.0));
  }
}
