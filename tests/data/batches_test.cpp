#include "data/batches.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "random/philox.hpp"

using namespace runner;
using namespace runner::data;

namespace {

std::vector<int> random_lengths(int count) {
  random::Stream stream(random::derive(1, "lengths"));
  std::vector<int> lengths;
  for (int i = 0; i < count; ++i) lengths.push_back(4 + static_cast<int>(stream.below(60)));
  return lengths;
}

std::vector<int> flat(const std::vector<std::vector<int>>& batches) {
  std::vector<int> rows;
  for (const auto& batch : batches) rows.insert(rows.end(), batch.begin(), batch.end());
  std::ranges::sort(rows);
  return rows;
}

}  // namespace

TEST_CASE("an epoch has every row once, full batches first and the rest in the last") {
  for (const int count : {1, 15, 16, 17, 333, 3667}) {
    const auto lengths = random_lengths(count);
    for (const bool grouped : {false, true}) {
      const auto batches = training_batches(lengths, 16, 5, 0, grouped);
      std::vector<int> expected(static_cast<std::size_t>(count));
      std::iota(expected.begin(), expected.end(), 0);
      CHECK(flat(batches) == expected);
      for (std::size_t i = 0; i + 1 < batches.size(); ++i) CHECK(batches[i].size() == 16);
      CHECK(batches.size() == static_cast<std::size_t>((count + 15) / 16));
    }
  }
  CHECK(training_batches({}, 16, 5, 0, true).empty());
}

TEST_CASE("the order depends on seed and epoch and on nothing else") {
  const auto lengths = random_lengths(333);
  for (const bool grouped : {false, true}) {
    const auto batches = training_batches(lengths, 16, 5, 2, grouped);
    CHECK(training_batches(lengths, 16, 5, 2, grouped) == batches);
    CHECK(training_batches(lengths, 16, 5, 3, grouped) != batches);
    CHECK(training_batches(lengths, 16, 6, 2, grouped) != batches);
  }
}

TEST_CASE("grouping by length leaves little padding and puts the longest row first") {
  const auto lengths = random_lengths(3667);
  const auto padded = [&](bool grouped) {
    int tokens = 0;
    for (const auto& batch : training_batches(lengths, 16, 5, 0, grouped)) {
      int longest = 0;
      for (const int row : batch)
        longest = std::max(longest, lengths[static_cast<std::size_t>(row)]);
      tokens += longest * static_cast<int>(batch.size());
    }
    return static_cast<double>(tokens) / std::accumulate(lengths.begin(), lengths.end(), 0);
  };
  CHECK(padded(true) < 1.06);
  CHECK(padded(false) > 1.5);
  const auto batches = training_batches(lengths, 16, 5, 0, true);
  const int longest = *std::ranges::max_element(lengths);
  CHECK(std::ranges::any_of(
      batches.front(), [&](int row) { return lengths[static_cast<std::size_t>(row)] == longest; }));
}

TEST_CASE("evaluation goes from the longest row to the shortest, equal ones in their order") {
  const std::vector<int> lengths = {3, 7, 3, 9};
  using Batches = std::vector<std::vector<int>>;
  CHECK(batches_by_length(lengths, 1) == Batches{{3}, {1}, {0}, {2}});
  CHECK(batches_by_length(lengths, 10) == Batches{{3, 1}, {0, 2}});
  CHECK(batches_by_length(lengths, 100) == Batches{{3, 1, 0, 2}});
  CHECK(batches_by_length({}, 10).empty());
}
