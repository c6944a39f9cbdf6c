#pragma once

#include <cstdint>
#include <span>

#include "kernels/cast.hpp"

namespace runner::kernels {

// Weights as a mean and differences from it: theta = mean + sum_k coefficient_k * delta_k is exact
// for coefficients that sum to one, and bf16 differences lose 2^-9 of a small number where bf16
// weights would lose 2^-9 of the weight.

// delta = theta - mean over elements [begin, end). delta may be theta.
void difference(const float* theta, const float* mean, float* delta, std::int64_t begin,
                std::int64_t end);
void difference(const float* theta, const float* mean, Bf16* delta, std::int64_t begin,
                std::int64_t end);

// outputs[q] = mean + sum_k coefficients[q * K + k] * deltas[k] over elements [begin, end), K =
// deltas.size(), for all outputs in one pass over the K streams; the sum runs in order of k. mean
// may be null (0). An output may be the mean.
void mix(const float* mean, std::span<const float* const> deltas,
         std::span<const float> coefficients, std::span<float* const> outputs, std::int64_t begin,
         std::int64_t end);
void mix(const float* mean, std::span<const Bf16* const> deltas,
         std::span<const float> coefficients, std::span<float* const> outputs, std::int64_t begin,
         std::int64_t end);

// Dot products <gradient, delta_k> in double precision by blocks of kDotBlock elements: sums[b, k]
// of blocks [begin, end) of dot_blocks(count). Add the blocks in order.
inline constexpr std::int64_t kDotBlock = 16384;

constexpr std::int64_t dot_blocks(std::int64_t count) {
  return (count + kDotBlock - 1) / kDotBlock;
}

void dots(const float* gradient, std::span<const float* const> deltas, std::int64_t count,
          double* sums, std::int64_t begin, std::int64_t end);
void dots(const float* gradient, std::span<const Bf16* const> deltas, std::int64_t count,
          double* sums, std::int64_t begin, std::int64_t end);

}  // namespace runner::kernels
