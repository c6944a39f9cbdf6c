#pragma once

#include <ATen/core/Tensor.h>

#include <span>

namespace runner::train {

struct BatchLoss {
  at::Tensor sum;      // [] fp64: the rows' losses, each divided by `rows`
  at::Tensor dlogits;  // [batch, classes] fp32: its gradient
};

// Cross-entropy of logits [batch, classes], or for one class the squared error to label /
// target_scale. `rows` is the number of rows of the whole optimiser step, so that micro-batches add
// up to the step's mean loss and gradient.
BatchLoss batch_loss(const at::Tensor& logits, std::span<const float> labels, double rows,
                     double target_scale);

}  // namespace runner::train
