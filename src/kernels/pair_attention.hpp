#pragma once

#include "kernels/attention.hpp"

namespace runner::kernels {

// attention_forward and attention_backward of bf16 by AVX512_BF16's products of pairs, with the
// probabilities and their gradients rounded to bf16 before they are multiplied. For those two to
// call, where is_pair_attention(): a processor with such products, and heads of whole panels (a
// head_dim that is a multiple of 32).
bool is_pair_attention(const Attention<Bf16>& attention);
void pair_attention_forward(const Attention<Bf16>& attention, Bf16* out, std::int64_t out_stride,
                            std::int64_t begin, std::int64_t end);
void pair_attention_backward(const Attention<Bf16>& attention,
                             const AttentionGradient<Bf16>& gradient, std::int64_t begin,
                             std::int64_t end);

}  // namespace runner::kernels
