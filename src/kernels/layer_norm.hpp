#pragma once

#include <cstdint>

#include "kernels/column_sum.hpp"
#include "kernels/dropout.hpp"

namespace runner::kernels {

// A layer norm at a kernel's end: y = (s - mean(s)) / sqrt(var(s) + eps) * gamma + beta.
struct LayerNorm {
  const float* gamma = nullptr;  // [width]
  const float* beta = nullptr;   // [width]
  float eps = 1e-5F;
  float* mean = nullptr;   // [rows], written by forward, read by backward; null: not kept
  float* rstd = nullptr;   // [rows], 1 / sqrt(var + eps), the same
  float* y = nullptr;      // [rows, width]; null: unwanted
  Bf16* y_bf16 = nullptr;  // [rows, width], a copy; null: unwanted
};

// The end of a post-norm sublayer in one pass:
//
//   s = residual + dropout(x + bias)      y = LayerNorm(s)
//
// The residual stream and the statistics are fp32; x is what the matrix product before stores
// (T = float or Bf16), y_bf16 the copy that the products after it read. Nothing else is stored: the
// backward pass computes s again from x, residual and the dropout counter.
template <typename T>
struct ResidualNorm {
  std::int64_t rows = 0;
  std::int64_t width = 0;
  const T* x = nullptr;             // [rows, width]
  const float* bias = nullptr;      // [width]; null: 0
  const float* residual = nullptr;  // [rows, width]; null: 0
  Dropout dropout;
  LayerNorm norm;  // y may be residual if no backward follows
};

template <typename T>
struct ResidualNormGradient {
  // The total gradient of y is dy + dy_product; either may be null.
  const float* dy = nullptr;      // [rows, width] along the residual stream
  const T* dy_product = nullptr;  // [rows, width] from the products that read y or its copy
  float* dresidual = nullptr;     // [rows, width]; may be dy; null: unwanted
  T* dx = nullptr;                // [rows, width]; null: unwanted
  float* partials = nullptr;  // [row_blocks(rows), 3 * width]: dgamma, dbeta, dbias side by side
                              // for sum_partials (stride 3 * width); null: unwanted
};

// Rows [begin, end).
void residual_norm_forward(const ResidualNorm<float>& step, std::int64_t begin, std::int64_t end);
void residual_norm_forward(const ResidualNorm<Bf16>& step, std::int64_t begin, std::int64_t end);

// Row blocks [begin, end) of row_blocks(rows). Reads norm.mean and norm.rstd, not y.
void residual_norm_backward(const ResidualNorm<float>& step,
                            const ResidualNormGradient<float>& gradient, std::int64_t begin,
                            std::int64_t end);
void residual_norm_backward(const ResidualNorm<Bf16>& step,
                            const ResidualNormGradient<Bf16>& gradient, std::int64_t begin,
                            std::int64_t end);

}  // namespace runner::kernels
