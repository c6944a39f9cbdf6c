#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/encoded.hpp"

namespace runner::data {

// `labels` are an EncodedSplit's. Classes are strata; with `regression` ten quantiles are.

// `count` of `rows` (all of them when there are not so many) such that every prefix of the result
// holds the strata in their proportions, each to within one row or so. Seeded.
std::vector<int> stratified_subset(std::span<const float> labels, bool regression,
                                   std::span<const int> rows, int count, std::uint64_t seed);

struct HeldOut {
  std::vector<int> train, selection;  // ascending, disjoint, together all rows
};
// Holds round(share * rows) rows out, stratified and seeded; at least one on either side. Throws
// InputError unless 0 < share < 1 and there are two rows.
HeldOut hold_out(std::span<const float> labels, bool regression, double share, std::uint64_t seed);

// The rows of a split, in the order given. truncated_rows stays that of the whole split.
EncodedSplit subset(const EncodedSplit& split, std::span<const int> rows);

}  // namespace runner::data
