#include "report/statistics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
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

TEST_CASE("the estimate is SciPy's: one stratum is the one-sample t test") {
  // scipy.stats.ttest_1samp([.5, 1.5, 1], 0) and t.interval
  const Estimate one = estimate({{0.5, 1.5, 1.0}});
  CHECK(one.difference == doctest::Approx(1.0));
  CHECK(one.error == doctest::Approx(0.28867513459481287));
  CHECK(one.freedom == doctest::Approx(2.0));
  CHECK(one.p_value() == doctest::Approx(0.07417990022744854));
  CHECK(one.interval(0.95).low == doctest::Approx(-0.2420688558751649));
  CHECK(one.interval(0.95).high == doctest::Approx(2.242068855875165));
}

TEST_CASE("strata weigh the same whatever their size, by Satterthwaite's degrees of freedom") {
  const Estimate three = estimate({{0.5, 1.5, 1.0}, {2.0, -1.0}, {0.0, 0.25, 0.5, 4.0, 1.0}});
  CHECK(three.difference == doctest::Approx(0.8833333333333333));
  CHECK(three.error == doctest::Approx(0.5645384873537885));
  CHECK(three.freedom == doctest::Approx(1.6014190783749376));
  CHECK(three.interval(0.90).low == doctest::Approx(-1.0820111230010756));
  CHECK(three.interval(0.90).high == doctest::Approx(2.8486777896677413));
  CHECK(three.p_value() == doctest::Approx(0.2870883895788003));
  // Two strata of opposite sign are Welch's test (scipy.stats.ttest_ind(..., equal_var=False)).
  const Estimate welch = estimate({{0.5, 1.5, 1.0}, {2.0, -1.0, 3.0, -0.5}});
  CHECK(welch.freedom == doctest::Approx(3.5181187355435624));
  CHECK(welch.difference / welch.error == doctest::Approx(1.860521018838127));
  CHECK(welch.p_value() == doctest::Approx(0.14604601833605257));
}

TEST_CASE("without a spread, or with too few values, there is a difference but no interval") {
  for (const Strata& strata :
       {Strata{{0.1, 0.1, 0.1}}, {{1.0}}, {{1.0, 2.0}, {3.0}}, {{0.3, 0.3}, {0.7, 0.7, 0.7}}}) {
    const Estimate found = estimate(strata);
    CHECK_FALSE(std::isnan(found.difference));
    CHECK(std::isnan(found.error));
    CHECK(std::isnan(found.interval(0.95).low));
    CHECK(std::isnan(found.p_value()));
    CHECK(judge(found, {}, 0.5) == Verdict::none);
  }
  CHECK(std::isnan(estimate({}).difference));
  CHECK(std::isnan(estimate({{1.0, 2.0}, {}}).difference));
  CHECK(std::isnan(estimate({{1.0, 2.0}, {}}).error));
  // One stratum that varies is enough.
  CHECK(estimate({{0.3, 0.3}, {0.5, 0.7}}).freedom == doctest::Approx(1.0));
}

TEST_CASE("Holm's correction is R's p.adjust, and an unanswered question counts") {
  // p.adjust(c(.01, .04, .03, .005), "holm") = .03 .06 .06 .02
  const std::vector<double> p_values = {0.01, 0.04, 0.03, 0.005};
  const auto corrected = correct_by_holm(p_values);
  CHECK(corrected[0].p_value == doctest::Approx(0.03));
  CHECK(corrected[1].p_value == doctest::Approx(0.06));
  CHECK(corrected[2].p_value == doctest::Approx(0.06));
  CHECK(corrected[3].p_value == doctest::Approx(0.02));
  CHECK(corrected[3].factor == 4);
  CHECK(corrected[1].factor == 1);
  const auto unanswered = correct_by_holm(std::vector{std::nan(""), 0.02, std::nan("")});
  CHECK(unanswered[1].p_value == doctest::Approx(0.06));
  CHECK(std::isnan(unanswered[0].p_value));
  CHECK(correct_by_holm(std::vector{0.9, 0.8})[0].p_value == 1.0);
  CHECK(correct_by_holm({}).empty());
}

TEST_CASE("verdicts: a shown difference, a shown equivalence, or neither") {
  const Strata clear = {{2.0, 2.1, 1.9}}, opposite = {{-2.0, -2.1, -1.9}};
  const auto by_itself = [](const Strata& strata) {
    const Estimate found = estimate(strata);
    return judge(found, {found.p_value(), 1}, 0.5);
  };
  CHECK(by_itself(clear) == Verdict::better);
  CHECK(by_itself(opposite) == Verdict::worse);
  CHECK(by_itself({{0.02, -0.03, 0.01}}) == Verdict::equal);
  CHECK(by_itself({{1.0, -1.0, 2.0}}) == Verdict::undecided);
  // The correction can take a verdict away, the equivalence margin decide what "equal" is.
  const Estimate found = estimate(clear);
  CHECK(judge(found, {0.2, 20}, 0.5) == Verdict::undecided);
  CHECK(judge(found, {0.2, 20}, 3.0) == Verdict::equal);
}

TEST_CASE("the seeds that would decide are the fewest that do, and one fewer does not") {
  const Strata strata = {{1.0, -1.0, 2.0}, {0.5, 1.0, -0.5}};
  const int needed = values_to_decide(strata, 4, 0.5);
  REQUIRE(needed > 3);
  const auto verdict_at = [&](int size) {
    // Strata of that size with the same means and standard deviations.
    Strata larger;
    for (const auto& stratum : strata) {
      const double center = mean(stratum), spread = stddev(stratum);
      auto& values = larger.emplace_back(static_cast<std::size_t>(size), center);
      const double step = spread * std::sqrt((size - 1.0) / 2.0);
      values[0] += step;
      values[1] -= step;
    }
    const Estimate found = estimate(larger);
    return judge(found, {std::min(1.0, 4 * found.p_value()), 4}, 0.5);
  };
  CHECK(verdict_at(needed) != Verdict::undecided);
  CHECK(verdict_at(needed - 1) == Verdict::undecided);
  // A spread that no thousand seeds overcome.
  CHECK(values_to_decide({{100.0, -100.0, 0.1}}, 4, 0.001) == 0);
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

TEST_CASE("McNemar's exact test is the binomial one of the rows that divide the two") {
  CHECK(mcnemar_p_value(3, 8) == doctest::Approx(0.2265625));  // scipy.stats.binomtest(3, 11)
  CHECK(mcnemar_p_value(8, 3) == mcnemar_p_value(3, 8));
  CHECK(mcnemar_p_value(0, 6) == doctest::Approx(0.03125));
  CHECK(mcnemar_p_value(5, 5) == 1.0);
  CHECK(mcnemar_p_value(40, 70) == doctest::Approx(0.005447429511444476));
  CHECK(mcnemar_p_value(0, 0) == 1.0);
}
