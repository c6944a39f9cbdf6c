#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace runner::data {

// One epoch's batches: each row once, batch_size rows each, a short last batch kept. A pure
// function of its arguments. With group_by_length rows of similar length share a batch, as in
// Hugging Face's LengthGroupedSampler: a random permutation is cut into pieces of up to 50 batches
// and each piece sorted by length. Unlike there the batches are then shuffled, so that the length
// does not fall in waves; the one with the longest row comes first (if memory runs out, then at
// once) and the short one last.
// `lengths`: [rows]; batch_size >= 1.
std::vector<std::vector<int>> training_batches(std::span<const int> lengths, int batch_size,
                                               std::uint64_t seed, int epoch, bool group_by_length);

// Batches to evaluate: indices of `lengths` from the longest row to the shortest, equal lengths in
// their own order, each batch filled until it has `tokens` or more.
std::vector<std::vector<int>> batches_by_length(std::span<const int> lengths, std::int64_t tokens);

}  // namespace runner::data
