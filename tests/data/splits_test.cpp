#include "data/splits.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "folder.hpp"

using namespace runner;
using namespace runner::data;

namespace {

std::vector<int> all_rows(std::size_t count) {
  std::vector<int> rows(count);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

// 70 % class 0, 25 % class 1, 5 % class 2.
std::vector<float> uneven_labels() {
  std::vector<float> labels;
  for (int i = 0; i < 1000; ++i) {
    labels.push_back(i % 20 < 14 ? 0.0f : i % 20 < 19 ? 1.0f : 2.0f);
  }
  return labels;
}

}  // namespace

TEST_CASE("every prefix of a stratified subset holds the classes in proportion") {
  const auto labels = uneven_labels();
  const auto subset = stratified_subset(labels, false, all_rows(labels.size()), 256, 3);
  REQUIRE(subset.size() == 256);
  CHECK(std::set<int>(subset.begin(), subset.end()).size() == 256);
  std::map<int, int> counts;
  for (std::size_t i = 0; i < subset.size(); ++i) {
    ++counts[static_cast<int>(labels[static_cast<std::size_t>(subset[i])])];
    const double n = static_cast<double>(i + 1);
    CHECK(std::abs(counts[0] - 0.70 * n) <= 1.5);
    CHECK(std::abs(counts[1] - 0.25 * n) <= 1.5);
    CHECK(std::abs(counts[2] - 0.05 * n) <= 1.5);
  }
}

TEST_CASE("a smaller subset is the beginning of a larger one of the same seed") {
  const auto labels = uneven_labels();
  const auto rows = all_rows(labels.size());
  const auto large = stratified_subset(labels, false, rows, 256, 3);
  const auto small = stratified_subset(labels, false, rows, 64, 3);
  CHECK(std::equal(small.begin(), small.end(), large.begin()));
  CHECK(stratified_subset(labels, false, rows, 64, 4) != small);
  CHECK(stratified_subset(labels, false, rows, 5000, 3).size() == labels.size());
}

TEST_CASE("a subset takes rows from those it is given, of one class too") {
  const std::vector<float> labels(10, 1.0f);
  const std::vector<int> rows = {1, 3, 5, 7};
  auto subset = stratified_subset(labels, false, rows, 4, 0);
  std::ranges::sort(subset);
  CHECK(subset == rows);
  CHECK(stratified_subset(labels, false, {}, 4, 0).empty());
}

TEST_CASE("regression targets are stratified by quantile") {
  std::vector<float> targets;
  for (int i = 0; i < 1000; ++i) targets.push_back(static_cast<float>(i * 37 % 1000));
  const auto subset = stratified_subset(targets, true, all_rows(targets.size()), 100, 1);
  std::map<int, int> counts;
  for (const int row : subset)
    ++counts[static_cast<int>(targets[static_cast<std::size_t>(row)]) / 100];
  CHECK(counts.size() == 10);
  for (const auto& [bin, count] : counts) CHECK(count == 10);
}

TEST_CASE("holding out splits all rows in two, in proportion and by the seed") {
  const auto labels = uneven_labels();
  const HeldOut held = hold_out(labels, false, 0.1, 7);
  CHECK(held.selection.size() == 100);
  CHECK(std::ranges::is_sorted(held.train));
  CHECK(std::ranges::is_sorted(held.selection));
  std::vector<int> all = held.train;
  all.insert(all.end(), held.selection.begin(), held.selection.end());
  std::ranges::sort(all);
  CHECK(all == all_rows(labels.size()));
  const auto rare = std::ranges::count_if(
      held.selection, [&](int row) { return labels[static_cast<std::size_t>(row)] == 2.0f; });
  CHECK(rare == 5);
  CHECK(hold_out(labels, false, 0.1, 7).selection == held.selection);
  CHECK(hold_out(labels, false, 0.1, 8).selection != held.selection);
}

TEST_CASE("what cannot be held out is refused") {
  const std::vector<float> labels = {0, 1, 0};
  CHECK(hold_out(labels, false, 1e-9, 0).selection.size() == 1);
  CHECK(hold_out(labels, false, 0.999, 0).train.size() == 1);
  for (const double share : {0.0, 1.0, -0.1, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK(error_of([&] { hold_out(labels, false, share, 0); }).ends_with("must be in (0, 1)"));
  }
  CHECK(error_of([&] { hold_out(std::vector<float>{1}, false, 0.5, 0); }) ==
        "nothing can be held out of 1 rows");
}

TEST_CASE("a subset of an encoded split has the rows asked for, in that order") {
  EncodedSplit split;
  split.ids = {1, 2, 3, 4, 5, 6};
  split.types = {0, 0, 1, 0, 1, 1};
  split.offsets = {0, 1, 3, 6};
  split.labels = {0, 1, 2};
  const EncodedSplit part = subset(split, std::vector<int>{2, 0});
  REQUIRE(part.rows() == 2);
  CHECK(part.ids == std::vector<std::int32_t>{4, 5, 6, 1});
  CHECK(part.types == std::vector<std::uint8_t>{0, 1, 1, 0});
  CHECK(part.offsets == std::vector<std::int64_t>{0, 3, 4});
  CHECK(part.labels == std::vector<float>{2, 0});
}
