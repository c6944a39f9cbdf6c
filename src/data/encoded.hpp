#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace runner::data {

// Token ids of one split, all rows end to end without padding.
struct EncodedSplit {
  std::vector<std::int32_t> ids;         // [tokens]
  std::vector<std::uint8_t> types;       // [tokens] segment ids (all 0 for RoBERTa)
  std::vector<std::int64_t> offsets{0};  // [rows + 1]: row i is ids[offsets[i], offsets[i + 1])
  std::vector<float> labels;             // [rows] class id or regression target; NaN: not labelled
  std::int64_t truncated_rows = 0;       // rows that max_length cut
  std::int64_t skipped_rows = 0;         // malformed ones of the file that are not among them

  int rows() const { return static_cast<int>(offsets.size()) - 1; }
  int length(int row) const {
    return static_cast<int>(offsets[static_cast<std::size_t>(row) + 1] -
                            offsets[static_cast<std::size_t>(row)]);
  }
  std::vector<int> lengths() const {  // [rows]
    std::vector<int> lengths;
    for (int row = 0; row < rows(); ++row) lengths.push_back(length(row));
    return lengths;
  }
  std::span<const std::int32_t> row_ids(int row) const {
    return std::span(ids).subspan(static_cast<std::size_t>(offsets[static_cast<std::size_t>(row)]),
                                  static_cast<std::size_t>(length(row)));
  }
  std::span<const std::uint8_t> row_types(int row) const {
    return std::span(types).subspan(
        static_cast<std::size_t>(offsets[static_cast<std::size_t>(row)]),
        static_cast<std::size_t>(length(row)));
  }
};

}  // namespace runner::data
