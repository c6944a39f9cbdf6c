#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "model/ops.hpp"

// Attention by ATen's operators.
namespace runner::model {

enum class AttentionKind {
  flash,      // at::_flash_attention_forward: bf16 on a GPU of compute capability 8.0 or more
  efficient,  // at::_efficient_attention_forward: any dtype on most GPUs
  padded,     // products and softmax over padded rows, on any device
};

// The first that this device runs for heads of `size` in `type`; found by trying.
AttentionKind choose_attention(at::Device device, at::ScalarType type, std::int64_t size);

// As Ops has them. The fused kinds read the packed rows, write no probabilities to memory, and are
// the same bits in every call; the backward pass reads what forward left in the step.
void attention_forward(AttentionKind kind, AttentionStep& step, at::Tensor& out);
void attention_backward(AttentionKind kind, const AttentionStep& step, const at::Tensor& dout,
                        const at::Tensor& dq, const at::Tensor& dk, const at::Tensor& dv);

}  // namespace runner::model
