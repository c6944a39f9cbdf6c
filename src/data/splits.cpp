#include "data/splits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "io/error.hpp"
#include "random/philox.hpp"

namespace runner::data {
namespace {

constexpr std::size_t kQuantiles = 10;

// `rows` by stratum; inside each, and among the strata, in random order.
std::vector<std::vector<int>> strata_of(std::span<const float> labels, bool regression,
                                        std::span<const int> rows, std::uint64_t seed) {
  // Rows without a label are a stratum, or the lowest quantile.
  const auto label = [&](int row) {
    const float value = labels[static_cast<std::size_t>(row)];
    return std::isnan(value) ? -std::numeric_limits<float>::infinity() : value;
  };
  random::Stream stream(random::derive(seed, "stratify"));
  std::vector<int> order(rows.begin(), rows.end());
  stream.shuffle(order);  // equal targets fall into quantiles at random
  std::ranges::stable_sort(order, {}, label);

  std::vector<std::vector<int>> strata;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto quantile = [&](std::size_t rank) { return rank * kQuantiles / order.size(); };
    const auto alike = [&] {
      return regression ? quantile(i) == quantile(i - 1) : label(order[i]) == label(order[i - 1]);
    };
    if (i == 0 || !alike()) strata.emplace_back();
    strata.back().push_back(order[i]);
  }
  for (std::vector<int>& members : strata) stream.shuffle(members);
  stream.shuffle(strata);  // where they tie below, none of them always comes first
  return strata;
}

// All of `rows` such that every prefix is stratified: the k-th of a stratum's m rows takes the
// place (k + 1/2) / m.
std::vector<int> stratified_order(std::span<const float> labels, bool regression,
                                  std::span<const int> rows, std::uint64_t seed) {
  struct Placed {
    double place;
    int row;
  };
  std::vector<Placed> placed;
  placed.reserve(rows.size());
  for (const auto& members : strata_of(labels, regression, rows, seed)) {
    for (std::size_t k = 0; k < members.size(); ++k) {
      placed.push_back(
          {(static_cast<double>(k) + 0.5) / static_cast<double>(members.size()), members[k]});
    }
  }
  std::ranges::stable_sort(placed, {}, &Placed::place);
  std::vector<int> order(rows.size());
  std::ranges::transform(placed, order.begin(), &Placed::row);
  return order;
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
