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
  const auto apart = all_rows(labels.size());  // each row a group of its own
  const HeldOut held = hold_out(labels, false, apart, 100, 7);
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
  CHECK(hold_out(labels, false, apart, 100, 7).selection == held.selection);
  CHECK(hold_out(labels, false, apart, 100, 8).selection != held.selection);
}

TEST_CASE("rows that belong together are held out together, and the proportions stay") {
  const auto labels = uneven_labels();
  std::vector<int> groups;
  for (int row = 0; row < 1000; ++row) groups.push_back(row / 4 * 4);  // fours, of mixed classes
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const HeldOut held = hold_out(labels, false, groups, 102, seed);
    CHECK(held.selection.size() == 100);  // no group of two that would fill it up
    std::map<int, int> sizes, counts;
    for (const int row : held.selection) {
      ++sizes[groups[static_cast<std::size_t>(row)]];
      ++counts[static_cast<int>(labels[static_cast<std::size_t>(row)])];
    }
    for (const auto& [group, size] : sizes) CHECK(size == 4);
    CHECK(counts[0] >= 66);
    CHECK(counts[0] <= 74);
    CHECK(held.train.size() == 900);
  }
  // A group too large to select trains.
  std::vector<int> lopsided(1000, 0);
  for (int row = 0; row < 50; ++row) lopsided[static_cast<std::size_t>(row)] = row + 1;
  CHECK(hold_out(labels, false, lopsided, 100, 0).selection.size() == 50);
  CHECK(error_of([&] { hold_out(labels, false, std::vector<int>(1000, 0), 100, 0); }) ==
        "no 100 of 1000 rows can be held out: they share texts with one another");
}

TEST_CASE("rows with a text in common are one group, through others too, templates apart") {
  // [1] a [2] or [1] a [2] [2] b [2], as RoBERTa has pairs; 1 begins, 2 separates.
  EncodedSplit split;
  const auto add = [&split](std::vector<int> first, std::vector<int> second) {
    split.ids.push_back(1);
    split.ids.insert(split.ids.end(), first.begin(), first.end());
    split.ids.push_back(2);
    if (!second.empty()) {
      split.ids.push_back(2);
      split.ids.insert(split.ids.end(), second.begin(), second.end());
      split.ids.push_back(2);
    }
    split.offsets.push_back(static_cast<std::int64_t>(split.ids.size()));
    split.labels.push_back(0.0F);
  };
  add({10, 11}, {12});
  add({13}, {14, 15});
  add({12}, {16});      // shares 12 with row 0, on the other side
  add({10}, {11});      // no text of another
  add({16}, {17});      // with row 0 through row 2
  add({14, 15}, {18});  // with row 1
  CHECK(groups_by_text(split) == std::vector<int>{0, 1, 0, 3, 0, 1});
  // 30 hypotheses with one template are no duplicates of each other.
  for (int i = 0; i < 30; ++i) add({100 + i}, {99});
  const std::vector<int> groups = groups_by_text(split);
  for (std::size_t row = 6; row < groups.size(); ++row) {
    CHECK(groups[row] == static_cast<int>(row));
  }
  // Cut texts are the same when their beginnings are.
  EncodedSplit cut;
  std::swap(split, cut);
  split = {};
  add({10, 11, 12, 13, 14, 15, 16, 17}, {20, 21});
  add({10, 11, 12, 13, 14}, {30, 31, 32, 33, 34});
  CHECK(groups_by_text(split) == std::vector<int>{0, 1});
  split.truncated_rows = 2;
  CHECK(groups_by_text(split) == std::vector<int>{0, 0});
}

TEST_CASE("selection takes its share, or what training leaves over, up to its own cap") {
  CHECK(selection_rows(1000, 0.1, 0, 0) == 100);
  CHECK(selection_rows(1000, 0.1, 0, 60) == 60);
  CHECK(selection_rows(9000, 0.2, 800, 1000) == 1000);
  CHECK(selection_rows(9000, 0.2, 800, 0) == 8200);
  CHECK(selection_rows(1500, 0.2, 800, 1000) == 700);
  CHECK(selection_rows(635, 0.2, 800, 1000) == 127);
  CHECK(selection_rows(3, 1e-9, 0, 0) == 1);
  CHECK(selection_rows(3, 0.999, 0, 0) == 2);
  for (const double share : {0.0, 1.0, -0.1, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK(error_of([&] { selection_rows(3, share, 0, 0); }).ends_with("must be in (0, 1)"));
  }
  CHECK(error_of([&] { selection_rows(1, 0.5, 0, 0); }) == "nothing can be held out of 1 rows");
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
