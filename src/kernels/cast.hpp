#pragma once

#include <bit>
#include <cstdint>

// The CPU kernels of the trainer and of fusion. They know plain pointers only: no tensors, no
// threads.
//
// A kernel takes the half-open range [begin, end) of its own items (elements, rows, row blocks,
// attention heads; each declaration says which), so that the caller may split the work over threads
// as it likes. Results do not depend on the split: reductions over rows are made in blocks of fixed
// size, and dropout is a pure function of the element's place.
//
// Arithmetic is fp32 whatever the storage. One source serves SSE4, AVX2, AVX-512 and NEON (Highway,
// chosen at run time). All of them reduce over 16 virtual lanes in one fixed tree, so targets with
// a fused multiply-add (AVX2, AVX-512, NEON) give the same bits; SSE4 differs in the last ones, and
// so do bf16 products where a processor multiplies pairs of them (pair_product.hpp).
//
// Matrices are row-major. Pointers need no alignment. Inputs and outputs must not overlap unless
// the declaration allows it.
namespace runner::kernels {

// bfloat16 storage: the upper half of an IEEE single. Layout-compatible with at::BFloat16.
using Bf16 = std::uint16_t;

constexpr float to_float(Bf16 value) { return std::bit_cast<float>(std::uint32_t{value} << 16); }

// Rounds to nearest, ties to even; NaN becomes the quiet NaN 0x7fc0 with the sign dropped.
constexpr Bf16 to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return 0x7fc0;
  return static_cast<Bf16>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

// All of these run over elements [begin, end).

void cast(const float* source, Bf16* target, std::int64_t begin, std::int64_t end);
void cast(const Bf16* source, float* target, std::int64_t begin, std::int64_t end);

// y += a * x
void axpy(float a, const float* x, float* y, std::int64_t begin, std::int64_t end);

// average += (1 - decay) * (value - average): one step of an exponential moving average.
void ema(float decay, const float* value, float* average, std::int64_t begin, std::int64_t end);

// Whether every element is finite.
bool all_finite(const float* values, std::int64_t begin, std::int64_t end);
bool all_finite(const Bf16* values, std::int64_t begin, std::int64_t end);

}  // namespace runner::kernels
