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

// A stratified part of a split of `count` rows, in the split's order: the split itself when `count`
// is 0. Seeded.
EncodedSplit capped(const EncodedSplit& split, bool regression, int count, std::uint64_t seed);

// The seed by which every part of a reported split is capped: the same rows for every cell.
std::uint64_t report_rows_seed();

// The rows of a split that must not come to lie on two sides of a cut, as a group's number per row
// [rows]: those that have a text in common (duplicates; MNLI's premises; QQP's questions), directly
// or through others. A text that stands in more than 20 rows and in more than a hundredth of them
// is a template and ties nobody together. Texts are known by their tokens, where max_length cuts by
// the first of them.
std::vector<int> groups_by_text(const EncodedSplit& split);

// How many of `rows` select: `share` of them, or all beyond `max_train` (0: no such cap) where
// those are more; at most `max_selection` (0: no such cap), at least one, never all. Throws
// InputError unless 0 < share < 1 and there are two rows.
int selection_rows(int rows, double share, int max_train, int max_selection);

struct HeldOut {
  std::vector<int> train, selection;  // ascending, disjoint, together all rows
};
// Holds out `count` rows, stratified and seeded, or a few less: whole groups only. Throws
// InputError when none is small enough.
HeldOut hold_out(std::span<const float> labels, bool regression, std::span<const int> groups,
                 int count, std::uint64_t seed);

// The rows of a split, in the order given. truncated_rows and skipped_rows stay those of the whole
// split.
EncodedSplit subset(const EncodedSplit& split, std::span<const int> rows);

}  // namespace runner::data
