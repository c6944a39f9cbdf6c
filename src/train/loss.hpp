#pragma once

#include <ATen/core/Tensor.h>

namespace runner::train {

struct BatchLoss {
  at::Tensor sum;      // [] fp64: the rows' losses, each divided by `rows`
  at::Tensor dlogits;  // [batch, classes] fp32: its gradient
};

// Cross-entropy of logits [batch, classes], or for one class the squared error to label /
// target_scale; `labels` [batch] fp32 lie where the logits do. `rows` is the number of rows of the
// whole optimiser step, so that micro-batches add up to the step's mean loss and gradient.
BatchLoss batch_loss(const at::Tensor& logits, const at::Tensor& labels, double rows,
                     double target_scale);

}  // namespace runner::train
