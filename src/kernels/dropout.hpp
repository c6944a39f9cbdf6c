#pragma once

#include <cstdint>

#include "kernels/cast.hpp"

namespace runner::kernels {

// One dropout of the network in one step. The mask is never stored: forward and backward both
// compute it from (key, site, row, column), with 16 bits of Philox4x32-10 for each element.
struct Dropout {
  std::uint64_t key = 0;        // of the step: derive(seed, "dropout", step)
  std::uint32_t site = 0;       // which dropout of the network
  std::uint32_t threshold = 0;  // an element is dropped when its 16 bits are below; 0: none is
  float scale = 1.0F;           // of what is kept: 1 / (1 - threshold / 65536)
};

// Dropout with probability p in [0, 1), quantised to a multiple of 2^-16: threshold =
// round(65536 p), at most 65535, so 0.1 becomes 6554/65536 = 0.100006. The scale belongs to the
// quantised probability, hence expectations are exact.
Dropout dropout(double p, std::uint64_t key, std::uint32_t site);

// Whether the element is kept, one at a time: the definition that the vectorised kernels match bit
// for bit. `plane` tells apart matrices of one site (attention: sequence * heads + head).
//
// Rows are padded to units of 16 columns; unit u = row * ceil(width / 16) + column / 16 of lane
// l = column % 16 takes half u % 2 (0: lower 16 bits) of word (u % 8) / 2 of the block
// philox(key, high = site * 2^32 + plane, low = (u / 8) * 16 + l). So one vector of 16 counters
// serves 128 columns without a transposition.
bool keeps(const Dropout& dropout, std::uint32_t plane, std::int64_t row, std::int64_t column,
           std::int64_t width);

// factors[r - begin, c] = scale where element (r, c) of plane 0 is kept, else 0; rows [begin, end)
// of `width` columns.
void dropout_factors(const Dropout& dropout, std::int64_t width, float* factors, std::int64_t begin,
                     std::int64_t end);

// y = x * factor over rows [begin, end) of a matrix with `width` columns. Forward and backward are
// the same function. y may be x.
void apply_dropout(const Dropout& dropout, const float* x, float* y, std::int64_t width,
                   std::int64_t begin, std::int64_t end);
void apply_dropout(const Dropout& dropout, const Bf16* x, Bf16* y, std::int64_t width,
                   std::int64_t begin, std::int64_t end);

}  // namespace runner::kernels
