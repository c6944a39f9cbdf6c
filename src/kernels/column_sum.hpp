#pragma once

#include <cstdint>

#include "kernels/cast.hpp"

namespace runner::kernels {

// Gradients of biases and of LayerNorm's weights are sums over rows. They are made in two steps
// that no split changes: each block of kRowBlock rows leaves one row of partial sums, then the
// partial rows are added in order.
inline constexpr std::int64_t kRowBlock = 16;

constexpr std::int64_t row_blocks(std::int64_t rows) { return (rows + kRowBlock - 1) / kRowBlock; }

// partials[b, c] = sum of x[r, c] over the rows r of block b, for blocks [begin, end). partials is
// [row_blocks(rows), width]; consecutive rows of x are `stride` elements apart.
void column_sum_partials(const float* x, std::int64_t rows, std::int64_t width, std::int64_t stride,
                         float* partials, std::int64_t begin, std::int64_t end);
void column_sum_partials(const Bf16* x, std::int64_t rows, std::int64_t width, std::int64_t stride,
                         float* partials, std::int64_t begin, std::int64_t end);

// sums[c] = (accumulate ? sums[c] : 0) + sum over b of partials[b, c], for columns [begin, end).
// Consecutive partial rows are `stride` apart: the partials of several parameters may lie side by
// side.
void sum_partials(const float* partials, std::int64_t blocks, std::int64_t stride, float* sums,
                  bool accumulate, std::int64_t begin, std::int64_t end);

}  // namespace runner::kernels
