#include "train/loss.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/log_softmax.h>
#include <c10/core/InferenceMode.h>

namespace runner::train {

BatchLoss batch_loss(const at::Tensor& logits, const at::Tensor& labels, double rows,
                     double target_scale) {
  const c10::InferenceMode guard;
  if (logits.size(1) == 1) {
    const at::Tensor error = logits - (labels / target_scale).unsqueeze(1);
    return {error.square().sum(at::kDouble) / rows, error * (2.0 / rows)};
  }
  const at::Tensor log_p = at::log_softmax(logits, 1);
  const at::Tensor classes = at::arange(logits.size(1), logits.options());
  const at::Tensor wanted = labels.unsqueeze(1).eq(classes).to(at::kFloat);
  return {(log_p * wanted).sum(at::kDouble).neg() / rows, (log_p.exp() - wanted) / rows};
}

}  // namespace runner::train
