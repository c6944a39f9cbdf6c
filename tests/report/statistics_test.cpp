#include "report/statistics.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace runner::report;

TEST_CASE("mean and standard deviation of hand values") {
  CHECK(mean(std::vector{2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0}) == 5.0);
  CHECK(stddev(std::vector{2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0}) ==
        doctest::Approx(std::sqrt(32.0 / 7.0)));
  CHECK(stddev(std::vector{1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0}) == 1.0);
  CHECK(std::isnan(mean({})));
  CHECK(std::isnan(stddev(std::vector{1.0})));
}

TEST_CASE("quantiles are NumPy's default") {
  const std::vector values{1.0, 2.0, 4.0, 8.0};
  CHECK(quantile(values, 0.0) == 1.0);
  CHECK(quantile(values, 1.0) == 8.0);
  CHECK(quantile(values, 0.5) == 3.0);
  CHECK(quantile(values, 0.4) == doctest::Approx(2.4));  // numpy.quantile([1,2,4,8], .4)
}

TEST_CASE("strata weigh the same whatever their size") {
  CHECK(mean_of_means({{1.0, 1.0, 1.0, 1.0}, {3.0, 5.0}}) == 2.5);
  CHECK(std::isnan(mean_of_means({})));
  CHECK(std::isnan(mean_of_means({{1.0}, {}})));
}

TEST_CASE("the bootstrap interval of two values has their three possible means") {
  // Means 0 (1/4), 1/2 (1/2), 1 (1/4): any tail below 1/4 ends at the extremes.
  const Interval wide = bootstrap_interval({{0.0, 1.0}}, 0.95, 2000, 1);
  CHECK(wide.low == 0.0);
  CHECK(wide.high == 1.0);
  const Interval narrow = bootstrap_interval({{0.0, 1.0}}, 0.3, 2000, 1);
  CHECK(narrow.low == 0.5);
  CHECK(narrow.high == 0.5);
}

TEST_CASE("the bootstrap interval of many values is near the normal one, and seeded") {
  std::vector<double> values;
  for (int i = 0; i < 400; ++i) values.push_back(std::sin(i * 12.9898) * 3.0);
  const double half = 1.959964 * stddev(values) / 20.0;
  const Interval interval = bootstrap_interval({values}, 0.95, 10000, 5);
  CHECK(interval.low == doctest::Approx(mean(values) - half).epsilon(0.03 * half));
  CHECK(interval.high == doctest::Approx(mean(values) + half).epsilon(0.03 * half));
  const Interval same = bootstrap_interval({values}, 0.95, 10000, 5);
  CHECK(same.low == interval.low);
  CHECK(bootstrap_interval({values}, 0.95, 10000, 6).low != interval.low);
}

TEST_CASE("one value or an empty stratum has no interval") {
  CHECK(std::isnan(bootstrap_interval({{1.0}}, 0.95, 100, 0).low));
  CHECK(std::isnan(bootstrap_interval({{1.0, 2.0}, {}}, 0.95, 100, 0).low));
  CHECK(std::isnan(bootstrap_interval({}, 0.95, 100, 0).low));
}

TEST_CASE("the sign-flip test counts patterns") {
  CHECK(sign_flip_p_value({{1.0}}, 100, 0) == 1.0);
  CHECK(sign_flip_p_value({{1.0, 2.0, 3.0}}, 100, 0) == 0.25);  // +++ and ---
  CHECK(sign_flip_p_value({{1.0, 1.0}, {1.0, 1.0, 1.0}}, 100, 0) == 2.0 / 32.0);
  // |sum| of +-1 +-2 +-3 reaches |1 + 2 - 3| = 0 always.
  CHECK(sign_flip_p_value({{1.0, 2.0, -3.0}}, 100, 0) == 1.0);
  // |-1 + 2 + 3| = 4 is reached by ++-... : 6 (twice) and 4 (twice).
  CHECK(sign_flip_p_value({{-1.0, 2.0, 3.0}}, 100, 0) == 0.5);
  CHECK(std::isnan(sign_flip_p_value({}, 100, 0)));
  CHECK(sign_flip_p_value({{0.0, 0.0}}, 100, 0) == 1.0);
}

TEST_CASE("with many values the sign-flip test draws patterns, seeded") {
  const std::vector<double> clear(20, 1.0);
  CHECK(sign_flip_p_value({clear}, 999, 3) == doctest::Approx(1.0 / 1000.0));
  std::vector<double> mixed(20, 1.0);
  for (std::size_t i = 0; i < 10; ++i) mixed[i] = -1.0;
  mixed[0] = 1.0;  // sum 2: P(|S| >= 2) = 1 - C(20,10) / 2^20
  const double p = sign_flip_p_value({mixed}, 20000, 3);
  CHECK(p == doctest::Approx(1.0 - 184756.0 / 1048576.0).epsilon(0.01));
  CHECK(p == sign_flip_p_value({mixed}, 20000, 3));
}
