#include "data/splits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "io/error.hpp"
#include "random/philox.hpp"

namespace runner::data {
namespace {

constexpr std::size_t kQuantiles = 10;

// All of `rows` such that every prefix is stratified: the k-th of a stratum's m rows, in random
// order, takes the place (k + 1/2) / m.
std::vector<int> stratified_order(std::span<const float> labels, bool regression,
                                  std::span<const int> rows, std::uint64_t seed) {
  const auto label = [&](int row) { return labels[static_cast<std::size_t>(row)]; };
  std::vector<int> shuffled(rows.begin(), rows.end());
  random::Stream(random::derive(seed, "stratify")).shuffle(shuffled);

  std::map<int, std::vector<int>> strata;
  if (regression) {
    std::ranges::stable_sort(shuffled, [&](int a, int b) { return label(a) < label(b); });
    for (std::size_t i = 0; i < shuffled.size(); ++i) {
      strata[static_cast<int>(i * kQuantiles / shuffled.size())].push_back(shuffled[i]);
    }
    for (auto& [bin, members] : strata) {
      random::Stream(random::derive(seed, "quantile", static_cast<std::uint64_t>(bin)))
          .shuffle(members);
    }
  } else {
    for (const int row : shuffled) {
      const float value = label(row);
      strata[std::isnan(value) ? -1 : static_cast<int>(value)].push_back(row);
    }
  }

  struct Placed {
    double place;
    int row;
  };
  std::vector<Placed> placed;
  placed.reserve(rows.size());
  for (const auto& [stratum, members] : strata) {
    for (std::size_t k = 0; k < members.size(); ++k) {
      placed.push_back(
          {(static_cast<double>(k) + 0.5) / static_cast<double>(members.size()), members[k]});
    }
  }
  std::ranges::stable_sort(placed, {}, &Placed::place);
  std::ranges::transform(placed, shuffled.begin(), &Placed::row);
  return shuffled;
}

}  // namespace

std::vector<int> stratified_subset(std::span<const float> labels, bool regression,
                                   std::span<const int> rows, int count, std::uint64_t seed) {
  std::vector<int> order = stratified_order(labels, regression, rows, seed);
  if (count < static_cast<int>(order.size())) order.resize(static_cast<std::size_t>(count));
  return order;
}

HeldOut hold_out(std::span<const float> labels, bool regression, double share, std::uint64_t seed) {
  if (!(share > 0.0 && share < 1.0)) {
    throw InputError(fmt::format("a share of {} cannot be held out: it must be in (0, 1)", share));
  }
  if (labels.size() < 2) {
    throw InputError(fmt::format("nothing can be held out of {} rows", labels.size()));
  }
  std::vector<int> rows(labels.size());
  std::iota(rows.begin(), rows.end(), 0);
  const std::vector<int> order = stratified_order(labels, regression, rows, seed);
  const auto total = static_cast<std::int64_t>(order.size());
  const std::int64_t count =
      std::clamp<std::int64_t>(std::llround(share * static_cast<double>(total)), 1, total - 1);
  HeldOut held{{order.begin() + count, order.end()}, {order.begin(), order.begin() + count}};
  std::ranges::sort(held.train);
  std::ranges::sort(held.selection);
  return held;
}

EncodedSplit subset(const EncodedSplit& split, std::span<const int> rows) {
  EncodedSplit out;
  out.truncated_rows = split.truncated_rows;
  out.labels.reserve(rows.size());
  out.offsets.reserve(rows.size() + 1);
  for (const int row : rows) {
    const auto ids = split.row_ids(row);
    const auto types = split.row_types(row);
    out.ids.insert(out.ids.end(), ids.begin(), ids.end());
    out.types.insert(out.types.end(), types.begin(), types.end());
    out.offsets.push_back(static_cast<std::int64_t>(out.ids.size()));
    out.labels.push_back(split.labels[static_cast<std::size_t>(row)]);
  }
  return out;
}

}  // namespace runner::data
