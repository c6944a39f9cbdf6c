#include "data/splits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <string>
#include <unordered_map>

#include "io/error.hpp"
#include "random/philox.hpp"

namespace runner::data {
namespace {

constexpr std::size_t kQuantiles = 10;
constexpr int kTemplateRows = 20;

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

// The texts of a row: between its first token and its last, cut where that one, the separator,
// stands. Empty ones are left out.
std::vector<std::span<const std::int32_t>> texts_of(std::span<const std::int32_t> ids) {
  std::vector<std::span<const std::int32_t>> texts;
  if (ids.size() < 3) return texts;
  const std::int32_t separator = ids.back();
  std::size_t begin = 1;
  for (std::size_t i = 1; i < ids.size(); ++i) {
    if (ids[i] != separator) continue;
    if (i > begin) texts.push_back(ids.subspan(begin, i - begin));
    begin = i + 1;
  }
  return texts;
}

}  // namespace

std::vector<int> stratified_subset(std::span<const float> labels, bool regression,
                                   std::span<const int> rows, int count, std::uint64_t seed) {
  std::vector<int> order = stratified_order(labels, regression, rows, seed);
  if (count < static_cast<int>(order.size())) order.resize(static_cast<std::size_t>(count));
  return order;
}

std::vector<int> groups_by_text(const EncodedSplit& split) {
  const int rows = split.rows();
  // A cut text is known by its beginning alone, which is as long as an even cut leaves both of a
  // pair.
  std::size_t known = std::numeric_limits<std::size_t>::max();
  if (split.truncated_rows > 0) {
    const std::vector<int> lengths = split.lengths();
    const int longest = *std::ranges::max_element(lengths);
    known = static_cast<std::size_t>(std::clamp((longest - 4) / 2, 1, 24));
  }
  std::unordered_map<std::string, std::vector<int>> rows_of;
  for (int row = 0; row < rows; ++row) {
    for (const auto text : texts_of(split.row_ids(row))) {
      const auto beginning = text.first(std::min(text.size(), known));
      std::string key(reinterpret_cast<const char*>(beginning.data()), beginning.size_bytes());
      rows_of[std::move(key)].push_back(row);
    }
  }
  std::vector<int> parent(static_cast<std::size_t>(rows));
  std::iota(parent.begin(), parent.end(), 0);
  const auto root = [&parent](int row) {
    while (parent[static_cast<std::size_t>(row)] != row) {
      int& above = parent[static_cast<std::size_t>(row)];
      row = above = parent[static_cast<std::size_t>(above)];
    }
    return row;
  };
  const auto template_size = static_cast<std::size_t>(std::max(kTemplateRows, rows / 100));
  for (const auto& [text, sharing] : rows_of) {
    if (sharing.size() > template_size) continue;
    for (const int row : sharing) {
      const int a = root(sharing.front()), b = root(row);
      parent[static_cast<std::size_t>(std::max(a, b))] = std::min(a, b);
    }
  }
  std::vector<int> groups(parent.size());
  for (int row = 0; row < rows; ++row) groups[static_cast<std::size_t>(row)] = root(row);
  return groups;
}

int selection_rows(int rows, double share, int max_train, int max_selection) {
  if (!(share > 0.0 && share < 1.0)) {
    throw InputError(fmt::format("a share of {} cannot be held out: it must be in (0, 1)", share));
  }
  if (rows < 2) throw InputError(fmt::format("nothing can be held out of {} rows", rows));
  const auto asked = static_cast<int>(std::llround(share * rows));
  const int beyond = max_train > 0 ? rows - max_train : 0;
  const int most = max_selection > 0 ? std::min(max_selection, rows - 1) : rows - 1;
  return std::clamp(std::max(asked, beyond), 1, most);
}

HeldOut hold_out(std::span<const float> labels, bool regression, std::span<const int> groups,
                 int count, std::uint64_t seed) {
  std::vector<int> rows(labels.size());
  std::iota(rows.begin(), rows.end(), 0);
  const auto strata = strata_of(labels, regression, rows, seed);
  std::vector<std::size_t> stratum(labels.size());
  std::vector<int> room;  // rows of each stratum that may still be taken
  for (std::size_t s = 0; s < strata.size(); ++s) {
    for (const int row : strata[s]) stratum[static_cast<std::size_t>(row)] = s;
    const double part = static_cast<double>(strata[s].size()) / static_cast<double>(labels.size());
    room.push_back(static_cast<int>(std::ceil(part * count)));
  }
  std::unordered_map<int, std::vector<int>> members;
  for (const int row : rows) members[groups[static_cast<std::size_t>(row)]].push_back(row);

  HeldOut held;
  std::vector<bool> taken(labels.size());
  const std::vector<int> order = stratified_order(labels, regression, rows, seed);
  // Groups that keep the proportions first; then, for the rest, any that fit.
  for (const bool in_proportion : {true, false}) {
    for (const int row : order) {
      if (taken[static_cast<std::size_t>(row)]) continue;
      const std::vector<int>& group = members[groups[static_cast<std::size_t>(row)]];
      if (held.selection.size() + group.size() > static_cast<std::size_t>(count)) continue;
      std::vector<int> left = room;
      for (const int member : group) --left[stratum[static_cast<std::size_t>(member)]];
      if (in_proportion && std::ranges::min(left) < 0) continue;
      room = std::move(left);
      for (const int member : group) taken[static_cast<std::size_t>(member)] = true;
      held.selection.insert(held.selection.end(), group.begin(), group.end());
    }
  }
  if (held.selection.empty()) {
    throw InputError(fmt::format(
        "no {} of {} rows can be held out: they share texts with one another", count, rows.size()));
  }
  std::ranges::copy_if(rows, std::back_inserter(held.train),
                       [&](int row) { return !taken[static_cast<std::size_t>(row)]; });
  std::ranges::sort(held.selection);
  return held;
}

EncodedSplit subset(const EncodedSplit& split, std::span<const int> rows) {
  EncodedSplit out;
  out.truncated_rows = split.truncated_rows;
  out.skipped_rows = split.skipped_rows;
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

EncodedSplit capped(const EncodedSplit& split, bool regression, int count, std::uint64_t seed) {
  if (count == 0) return split;
  std::vector<int> rows(static_cast<std::size_t>(split.rows()));
  std::iota(rows.begin(), rows.end(), 0);
  rows = stratified_subset(split.labels, regression, rows, count, seed);
  std::ranges::sort(rows);
  return subset(split, rows);
}

std::uint64_t report_rows_seed() { return random::derive(0, "dev rows"); }

}  // namespace runner::data
