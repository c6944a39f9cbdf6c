#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/column_sum.hpp"
#include "kernels/dropout.hpp"
#include "kernels/layer_norm.hpp"

namespace runner::kernels {

// y = dropout(LayerNorm(word[ids] + position[positions] + type[types])), fp32 tables. Ids are not
// checked: the caller vouches for their range.
struct Embedding {
  std::int64_t rows = 0;  // tokens
  std::int64_t width = 0;
  const std::int32_t* ids = nullptr;        // [rows]
  const std::int32_t* positions = nullptr;  // [rows]
  const std::int32_t* types = nullptr;      // [rows]; null: all 0
  const float* word = nullptr;              // [vocabulary, width]
  const float* position = nullptr;          // [positions, width]
  const float* type = nullptr;              // [types, width]
  LayerNorm norm;
  Dropout dropout;
};

// Rows [begin, end).
void embedding_forward(const Embedding& embedding, std::int64_t begin, std::int64_t end);

// Row blocks [begin, end) of row_blocks(rows): dsum [rows, width], the gradient of the sum of the
// three table rows (may be dy); partials [row_blocks(rows), 2 * width] of dgamma and dbeta for
// sum_partials. The total gradient of y is dy + dy_product; either may be null.
void embedding_backward(const Embedding& embedding, const float* dy, const float* dy_product,
                        float* dsum, float* partials, std::int64_t begin, std::int64_t end);
void embedding_backward(const Embedding& embedding, const float* dy, const Bf16* dy_product,
                        float* dsum, float* partials, std::int64_t begin, std::int64_t end);

// The tokens of a batch by table row: rows[g] (ascending, distinct) occurs at
// members[starts[g] .. starts[g + 1]), ascending. The order of the additions in a table row's
// gradient is thereby fixed.
struct RowGroups {
  std::vector<std::int32_t> rows;
  std::vector<std::int32_t> starts;
  std::vector<std::int32_t> members;

  std::int64_t size() const { return static_cast<std::int64_t>(rows.size()); }
};
RowGroups group_rows(std::span<const std::int32_t> ids);

// sums[g, :] = (accumulate ? sums[g, :] : 0) + sum of source[m, :] over the members m of group g,
// for groups [begin, end): the gradient of the touched table rows alone, [groups.size(), width].
void sum_groups(const RowGroups& groups, const float* source, std::int64_t width, float* sums,
                bool accumulate, std::int64_t begin, std::int64_t end);

// The same into a whole table [vocabulary, width]: group g goes to row groups.rows[g]; other rows
// are left alone.
void sum_groups_into_table(const RowGroups& groups, const float* source, std::int64_t width,
                           float* table, bool accumulate, std::int64_t begin, std::int64_t end);

}  // namespace runner::kernels
