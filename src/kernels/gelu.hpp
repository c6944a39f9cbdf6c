#pragma once

#include <cstdint>

#include "kernels/column_sum.hpp"

namespace runner::kernels {

// y = gelu(x + bias), gelu(z) = z * Phi(z) with the exact normal distribution function (Hendrycks,
// Gimpel 2016): fp32 is as exact as with an erf correct to one unit in the last place, bf16 has Phi
// within 2^-17. Backward computes Phi again from x.
template <typename T>
struct BiasGelu {
  std::int64_t rows = 0;
  std::int64_t width = 0;
  const T* x = nullptr;         // [rows, width], before the bias
  const float* bias = nullptr;  // [width]; null: 0
};

// y [rows, width] over rows [begin, end). y may be x if no backward follows.
void bias_gelu_forward(const BiasGelu<float>& gelu, float* y, std::int64_t begin, std::int64_t end);
void bias_gelu_forward(const BiasGelu<Bf16>& gelu, Bf16* y, std::int64_t begin, std::int64_t end);

// dx = dy * gelu'(x + bias) over row blocks [begin, end) of row_blocks(rows); dx may be dy or x.
// y is forward's once more, to the bit, at no cost to speak of; it may be x. Null: unwanted.
// partials [row_blocks(rows), width] of dbias for sum_partials; null: unwanted.
void bias_gelu_backward(const BiasGelu<float>& gelu, const float* dy, float* dx, float* y,
                        float* partials, std::int64_t begin, std::int64_t end);
void bias_gelu_backward(const BiasGelu<Bf16>& gelu, const Bf16* dy, Bf16* dx, Bf16* y,
                        float* partials, std::int64_t begin, std::int64_t end);

}  // namespace runner::kernels
