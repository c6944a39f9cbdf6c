#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "kernels/adamw.hpp"
#include "model/flat_buffer.hpp"
#include "model/network.hpp"
#include "train/options.hpp"

namespace runner::train {

// AdamW (Loshchilov, Hutter 2019) over a network's flat weights, equal to torch.optim.AdamW with
// clipping by global norm (torch.nn.utils.clip_grad_norm_).
//
// On a CPU the rows of the word embeddings that a batch does not touch are left as they are and
// caught up with, by the same float operations in the same order, when they are next touched or
// read: zero gradients still move a row by its momentum and decay it. With ATen's operators
// (Network::has_kernels) every row is moved in every step.
class Optimizer {
 public:
  // `weights` [layout.size] fp32 are updated in place; the network reads them.
  Optimizer(model::Network& network, at::Tensor weights, const Options& options);

  // Brings the rows that the coming step reads up to date; before its forward pass.
  void catch_up(const std::vector<std::int32_t>& words);
  // Brings every row up to date; before the weights or moments are read as a whole.
  void catch_up();

  // L2 norm of the step's gradients, before clipping: [] fp64 where the weights are. Does not wait
  // for a GPU.
  at::Tensor gradient_norm();
  // Step `steps() + 1` with the gradients scaled by min(1, max_grad_norm / (norm + 1e-6)). From the
  // first step on whose loss or norm ([] fp64, as gradient_norm) is not finite, weights and moments
  // stay as they are. Does not wait for a GPU.
  void step(double learning_rate, const at::Tensor& loss, const at::Tensor& norm);
  std::int64_t steps() const { return steps_; }

  // First float that is trained; below it are the frozen layers.
  std::int64_t begin() const { return begin_; }
  // Moments [layout.size]; zero below begin(). Call catch_up() first.
  at::Tensor first_moment() const { return m_; }
  at::Tensor second_moment() const { return v_; }
  // Goes on after step `steps`, once weights and moments hold what they held then.
  void resume(std::int64_t steps);

 private:
  void replay(std::int32_t row);
  void step_by_kernels(double learning_rate, float scale);
  void step_by_aten(double learning_rate, const at::Tensor& loss, const at::Tensor& norm);

  model::Network& network_;
  at::Tensor weights_;
  Options options_;
  std::vector<model::Segment> trained_;
  std::int64_t begin_ = 0;
  std::int64_t width_ = 0;             // H
  model::FlatBuffer m_room_, v_room_;  // kernels: a page that nobody writes costs nothing
  at::Tensor m_, v_;
  std::int64_t steps_ = 0;
  bool diverged_ = false;     // kernels
  at::Tensor diverged_flag_;  // ATen: [] fp32, 1 once a step was not finite
  // Kernels, word embeddings: what a row has missed is history_[row_step_[row] - first_ ..].
  std::int64_t history_begin_ = 0;  // steps taken before history_[0]
  std::vector<kernels::AdamWStep> history_;
  std::vector<std::int64_t> row_step_;   // steps that a row has taken
  std::vector<std::uint8_t> row_moved_;  // its moments are not zero
};

}  // namespace runner::train
