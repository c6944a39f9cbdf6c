#include "bo/pruning.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <vector>

using namespace runner::bo;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

double limit(std::string_view rule, const std::vector<RungValue>& earlier, double reduction = 3.0) {
  return find_pruning_rule(rule)->limit(earlier, reduction);
}

// Of a search's values on one rung, in the order of its trials: which go on. A trial that is
// stopped has not finished.
std::string goes_on(std::string_view rule, const std::vector<double>& values, double reduction) {
  std::vector<RungValue> earlier;
  std::string told;
  for (const double value : values) {
    const bool on = value <= limit(rule, earlier, reduction);
    earlier.push_back({value, on});
    told += on ? '+' : '-';
  }
  return told;
}

}  // namespace

TEST_CASE("rungs thin by the reduction down to a tenth of a trial") {
  CHECK(rungs(2.0) == std::vector<double>{0.125, 0.25, 0.5});
  REQUIRE(rungs(3.0).size() == 2);
  CHECK(rungs(3.0)[0] == doctest::Approx(1.0 / 9.0));
  CHECK(rungs(3.0)[1] == doctest::Approx(1.0 / 3.0));
  CHECK(rungs(4.0) == std::vector<double>{0.25});
  CHECK(rungs(10.0) == std::vector<double>{0.1});
}

TEST_CASE("no pruning rule stops a trial that nothing has come before, or nothing with a value") {
  std::set<std::string_view> names;
  for (const PruningRule& rule : pruning_rules()) {
    CAPTURE(rule.name);
    CHECK(names.insert(rule.name).second);
    CHECK_FALSE(rule.summary.empty());
    CHECK(find_pruning_rule(rule.name) == &rule);
    CHECK(rule.limit({}, 3.0) == kInf);
    CHECK(limit(rule.name, {{NAN, true}, {NAN, false}}) == kInf);
    // As good as the best goes on, whatever else there was.
    CHECK(limit(rule.name, {{3.0, true}, {1.0, true}, {NAN, true}, {2.0, false}}) >= 1.0);
  }
  CHECK(find_pruning_rule("none") == nullptr);
}

TEST_CASE("the median rule goes by the trials that finished") {
  CHECK(limit("median", {{5.0, true}}) == 5.0);
  CHECK(limit("median", {{5.0, true}, {1.0, true}}) == 3.0);
  CHECK(limit("median", {{5.0, true}, {1.0, true}, {2.0, true}}) == 2.0);
  CHECK(limit("median", {{5.0, true}, {9.0, false}, {1.0, true}, {8.0, false}, {2.0, true}}) ==
        2.0);
  CHECK(limit("median", {{9.0, false}}) == kInf);
  //                        the median of those that went on: 4, 4, 4, 3, 3, 2.5, 2.75
  CHECK(goes_on("median", {4.0, 5.0, 2.0, 3.5, 3.0, 2.5, 2.75, 2.8}, 3.0) == "+-+-+++-");
}

TEST_CASE("halving lets the best n / reduction of the trials go on, the best of the first ones") {
  // By hand, reduction 3: one of n = 1..5 goes on, two of 6..8, three of 9.
  //                         rank 1    1    2    2    1    2    3    8    3
  CHECK(goes_on("halving", {5.0, 4.0, 4.5, 4.2, 3.0, 3.5, 3.7, 6.0, 3.6}, 3.0) == "++--++--+");
  CHECK(goes_on("halving", {1.0, 2.0, 3.0, 4.0}, 2.0) == "+---");
  CHECK(goes_on("halving", {4.0, 3.0, 2.0, 1.0}, 2.0) == "++++");
  CHECK(goes_on("halving", {1.0, 1.0, 1.0}, 3.0) == "+++");  // equals are as good
  CHECK(goes_on("halving", {1.0, 2.0, 1.5, 1.7}, 2.0) == "+---");
  CHECK(goes_on("halving", {1.0, 2.0, 3.0, 1.5}, 2.0) == "+--+");
}
