#include "train/loss.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>

namespace runner::train {

BatchLoss batch_loss(const at::Tensor& logits, std::span<const float> labels, double rows,
                     double target_scale) {
  const c10::InferenceMode guard;
  const at::Tensor targets =
      at::tensor(at::ArrayRef<float>(labels.data(), labels.size()), at::kFloat).to(logits.device());
  if (logits.size(1) == 1) {
    const at::Tensor error = logits - (targets / target_scale).unsqueeze(1);
    return {error.square().sum(at::kDouble) / rows, error * (2.0 / rows)};
  }
  const at::Tensor log_p = at::log_softmax(logits, 1);
  const at::Tensor wanted = at::one_hot(targets.to(at::kLong), logits.size(1)).to(at::kFloat);
  return {(log_p * wanted).sum(at::kDouble).neg() / rows, (log_p.exp() - wanted) / rows};
}

}  // namespace runner::train
