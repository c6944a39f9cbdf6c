#pragma once

#include <cstdint>
#include <span>

#include "kernels/cast.hpp"

namespace runner::kernels {

// The scalars of one step of AdamW (Loshchilov, Hutter 2019), as torch.optim.AdamW forms them:
//
//   w *= 1 - lr * weight_decay      m += (1 - beta1) * (g - m)      v = beta2 * v + (1 - beta2) g^2
//   w -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
struct AdamWStep {
  float decay = 1.0F;  // 1 - lr * weight_decay
  float one_minus_beta1 = 0.1F;
  float beta2 = 0.999F;
  float one_minus_beta2 = 0.001F;
  float step_size = 0.0F;         // lr / (1 - beta1^t)
  float correction2_root = 1.0F;  // sqrt(1 - beta2^t)
  float eps = 1e-8F;
};

// step counts from 1.
AdamWStep adamw_step(double lr, double beta1, double beta2, double eps, double weight_decay,
                     std::int64_t step);

// One step over elements [begin, end), with the gradient g = gradient_scale * gradient (clipping,
// loss scale) in the same pass. bf16 (null: unwanted) receives the rounded new weights.
void adamw(const AdamWStep& step, float gradient_scale, const float* gradient, float* weights,
           float* m, float* v, Bf16* bf16, std::int64_t begin, std::int64_t end);
void adamw(const AdamWStep& step, float gradient_scale, const Bf16* gradient, float* weights,
           float* m, float* v, Bf16* bf16, std::int64_t begin, std::int64_t end);

// The steps, in order, that elements [begin, end) missed while their gradient was zero: the same
// bits as calling adamw once per step with zero gradients, in one pass over memory. This is what
// lets a table row that no token of a batch touches wait until it is touched or read.
void adamw_replay(std::span<const AdamWStep> missed, float* weights, float* m, float* v, Bf16* bf16,
                  std::int64_t begin, std::int64_t end);

// Sums of squares of blocks of kSumBlock elements, in double precision. Block b of [begin, end)
// leaves sums[b]; add them in order for a norm that no split changes. Not finite if any element is
// not.
inline constexpr std::int64_t kSumBlock = 16384;

constexpr std::int64_t sum_blocks(std::int64_t count) {
  return (count + kSumBlock - 1) / kSumBlock;
}

void sum_squares(const float* values, std::int64_t count, double* sums, std::int64_t begin,
                 std::int64_t end);
void sum_squares(const Bf16* values, std::int64_t count, double* sums, std::int64_t begin,
                 std::int64_t end);

}  // namespace runner::kernels
