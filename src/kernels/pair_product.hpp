#pragma once

#include <cstdint>

#include "kernels/cast.hpp"

namespace runner::kernels {

// c [rows, columns] = a [rows, depth] b [depth, columns] + bias, sums in fp32, rounded once: the
// matrix products of bf16 training on processors with AVX512_BF16, by AMX where they have that too.
// An element's sum runs over the depth in order, whatever the split over threads.
struct PairProduct {
  std::int64_t rows = 0;
  std::int64_t columns = 0;  // a multiple of 32
  std::int64_t depth = 0;    // a multiple of 32 where b_transposed, of 2 unless a_transposed
  const Bf16* a = nullptr;   // [rows, depth], or its transpose [depth, rows]
  std::int64_t a_stride = 0;
  bool a_transposed = false;
  const Bf16* b = nullptr;  // [depth, columns], or its transpose [columns, depth]
  std::int64_t b_stride = 0;
  bool b_transposed = false;
  const float* bias = nullptr;  // [columns], or none
  Bf16* c = nullptr;
  std::int64_t c_stride = 0;
};

// Whether this processor is one for them. (oneDNN, too, is fast on AMX, but there its bits depend
// on the number of threads.)
bool has_pair_products();
// Whether the product's extents are as PairProduct asks.
bool is_pair_product(const PairProduct& product);

// A transposed left operand is first packed, by blocks of rows, into `room` of
// packed_left_size(product); the others need neither (0 blocks, size 0).
std::int64_t packed_left_blocks(const PairProduct& product);
std::int64_t packed_left_size(const PairProduct& product);
void pack_left(const PairProduct& product, Bf16* room, std::int64_t begin, std::int64_t end);

// Items are panels of 32 columns times `row_parts` parts of the rows. A call of multiply is the
// faster for having several, up to product_items_at_once.
std::int64_t product_items(const PairProduct& product, std::int64_t row_parts);
std::int64_t product_items_at_once(const PairProduct& product);
void multiply(const PairProduct& product, const Bf16* packed_left, std::int64_t row_parts,
              std::int64_t begin, std::int64_t end);

}  // namespace runner::kernels
