#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "model/config.hpp"

namespace runner::model {

// A GPU's graphs (train/gradient_pass) are of batches whose tokens fill whole units.
constexpr std::int64_t kTokenUnit = 128;
constexpr std::int64_t round_up_tokens(std::int64_t tokens) {
  return (tokens + kTokenUnit - 1) / kTokenUnit * kTokenUnit;
}

// Rows of token ids end to end, without padding.
struct PackedBatch {
  std::vector<std::int32_t> ids;         // [tokens]
  std::vector<std::int32_t> positions;   // [tokens] rows of the position table
  std::vector<std::int32_t> types;       // [tokens]
  std::vector<std::int32_t> offsets{0};  // [rows + 1]: row i is [offsets[i], offsets[i + 1])
  std::vector<float> labels;             // [rows], or empty: the network does not read them

  std::int64_t rows() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
  std::int64_t tokens() const { return static_cast<std::int64_t>(ids.size()); }
  std::int64_t length(std::int64_t row) const {
    return offsets[static_cast<std::size_t>(row) + 1] - offsets[static_cast<std::size_t>(row)];
  }
  std::int64_t longest() const {
    std::int64_t longest = 0;
    for (std::int64_t row = 0; row < rows(); ++row) longest = std::max(longest, length(row));
    return longest;
  }
  // Positions as Hugging Face counts them: from pad_token_id on they give a padding id that stands
  // in the text the padding position and does not count it.
  void add_row(const EncoderConfig& config, std::span<const std::int32_t> row_ids,
               std::span<const std::uint8_t> row_types) {
    std::int32_t position = config.first_position();
    for (std::size_t i = 0; i < row_ids.size(); ++i) {
      const bool padding = config.family->positions_from_pad && row_ids[i] == config.pad_token_id;
      ids.push_back(row_ids[i]);
      positions.push_back(padding ? config.pad_token_id : position);
      types.push_back(row_types[i]);
      if (!padding) ++position;
    }
    offsets.push_back(static_cast<std::int32_t>(ids.size()));
  }
  // A last row of 1 to kTokenUnit padding ids, up to a whole number of units. It has no label, and
  // where its logits have no gradient it adds exact zeros to those of the tables' rows it reads.
  void add_filler(const EncoderConfig& config) {
    const auto count = static_cast<std::size_t>(round_up_tokens(tokens() + 1));
    ids.resize(count, config.pad_token_id);
    positions.resize(count, config.first_position());  // one that every model has
    types.resize(count, 0);
    offsets.push_back(static_cast<std::int32_t>(count));
  }
};

}  // namespace runner::model
