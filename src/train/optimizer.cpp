#include "train/optimizer.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "model/threads.hpp"

namespace runner::train {

using at::Tensor;
using model::Segment;
using model::SegmentKind;

namespace {

constexpr std::int64_t kGrain = 65536;  // elements for which a thread is worth waking
constexpr std::int64_t kRowGrain = 32;

// Several steps' decay of a few floats, kept in registers from step to step.
constexpr std::int64_t kDecayBlock = 32;
void decay_block(std::span<const kernels::AdamWStep> steps, float* weights, std::int64_t count) {
  std::array<float, kDecayBlock> block{};
  std::copy_n(weights, count, block.begin());
  for (const kernels::AdamWStep& step : steps)
    for (float& weight : block) weight *= step.decay;
  std::copy_n(block.begin(), count, weights);
}

Tensor flat_tensor(model::FlatBuffer& buffer) {
  return at::from_blob(buffer.data(), {buffer.size()}, at::kFloat);
}

}  // namespace

Optimizer::Optimizer(model::Network& network, Tensor weights, const Options& options)
    : network_(network), weights_(std::move(weights)), options_(options) {
  const int first_layer = options.frozen_layers > 0 ? options.frozen_layers : -1;
  for (const Segment& segment : network.segments())
    if (segment.layer >= first_layer) trained_.push_back(segment);
  begin_ = trained_.front().begin;
  if (!network.has_kernels()) {
    m_ = at::zeros_like(weights_);
    v_ = at::zeros_like(weights_);
    diverged_flag_ = at::zeros({}, weights_.options());
    return;
  }
  m_room_ = model::FlatBuffer(weights_.numel());
  v_room_ = model::FlatBuffer(weights_.numel());
  m_ = flat_tensor(m_room_);
  v_ = flat_tensor(v_room_);
  // Written before they are read: a page that is read first is the kernel's page of zeros, and the
  // write that follows takes it from under all threads of the process.
  for (const Segment& segment : trained_) {
    if (segment.kind == SegmentKind::word) continue;  // of its rows most are never touched
    for (const Tensor& moment : {m_, v_}) moment.narrow(0, segment.begin, segment.size()).zero_();
  }
  if (trained_.front().kind == SegmentKind::word) {
    const auto& shape = network.layout().parameters.front().shape;
    width_ = shape[1];
    row_step_.resize(static_cast<std::size_t>(shape[0]));
    row_moved_.resize(row_step_.size());
  }
}

void Optimizer::replay(std::int32_t row) {
  const auto index = static_cast<std::size_t>(row);
  const auto missed =
      std::span(history_).subspan(static_cast<std::size_t>(row_step_[index] - history_begin_));
  row_step_[index] = steps_;
  if (missed.empty()) return;
  float* weights = weights_.data_ptr<float>();
  const std::int64_t begin = row * width_, end = begin + width_;
  if (row_moved_[index] != 0) {
    kernels::adamw_replay(missed, weights, m_room_.data(), v_room_.data(), nullptr, begin, end);
    return;
  }
  // Zero moments stay zero: only the decay moves the row, and its moments' pages stay unwritten.
  if (options_.weight_decay == 0.0) return;
  for (std::int64_t i = begin; i < end; i += kDecayBlock)
    decay_block(missed, weights + i, std::min(kDecayBlock, end - i));
}

void Optimizer::catch_up(const std::vector<std::int32_t>& words) {
  if (row_step_.empty()) return;
  model::share(static_cast<std::int64_t>(words.size()), kRowGrain,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i)
                   replay(words[static_cast<std::size_t>(i)]);
               });
}

void Optimizer::catch_up() {
  if (row_step_.empty()) return;
  model::share(static_cast<std::int64_t>(row_step_.size()), kRowGrain,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t row = begin; row < end; ++row)
                   replay(static_cast<std::int32_t>(row));
               });
  history_.clear();
  history_begin_ = steps_;
}

Tensor Optimizer::gradient_norm() {
  const c10::InferenceMode guard;
  if (!network_.has_kernels()) {
    // The gradients lie end to end, but for the word table's.
    std::vector<Tensor> norms;
    const auto other = std::ranges::find_if(
        trained_, [](const Segment& segment) { return segment.kind != SegmentKind::word; });
    if (other != trained_.begin())
      norms.push_back(at::linalg_vector_norm(network_.gradient(trained_.front())));
    norms.push_back(at::linalg_vector_norm(network_.gradients_from(*other)));
    return at::linalg_vector_norm(at::stack(norms)).to(at::kDouble);
  }
  double sum = 0.0;
  for (const Segment& segment : trained_) {
    const Tensor gradient = network_.gradient(segment);
    const std::int64_t count = gradient.numel(), blocks = kernels::sum_blocks(count);
    std::vector<double> sums(static_cast<std::size_t>(blocks));
    model::share(blocks, kGrain / kernels::kSumBlock, [&](std::int64_t begin, std::int64_t end) {
      if (gradient.scalar_type() == at::kBFloat16)
        kernels::sum_squares(static_cast<const kernels::Bf16*>(gradient.data_ptr()), count,
                             sums.data(), begin, end);
      else
        kernels::sum_squares(gradient.data_ptr<float>(), count, sums.data(), begin, end);
    });
    for (const double part : sums) sum += part;
  }
  return at::scalar_tensor(std::sqrt(sum), at::kDouble);
}

void Optimizer::step(double learning_rate, const Tensor& loss, const Tensor& norm) {
  const c10::InferenceMode guard;
  if (!network_.has_kernels()) {
    ++steps_;
    step_by_aten(learning_rate, loss, norm);
    return;
  }
  const double length = norm.item<double>();
  diverged_ = diverged_ || !std::isfinite(length) || !std::isfinite(loss.item<double>());
  if (diverged_) return;
  ++steps_;
  const float limit = static_cast<float>(options_.max_grad_norm);
  const float scale =
      limit > 0.0F ? std::min(1.0F, limit / (static_cast<float>(length) + 1e-6F)) : 1.0F;
  step_by_kernels(learning_rate, scale);
}

void Optimizer::step_by_kernels(double learning_rate, float scale) {
  const auto scalars = [&](bool decay) {
    return kernels::adamw_step(learning_rate, options_.beta1, options_.beta2, options_.eps,
                               decay ? options_.weight_decay : 0.0, steps_);
  };
  float* weights = weights_.data_ptr<float>();
  for (const Segment& segment : trained_) {
    const kernels::AdamWStep step = scalars(segment.decay || options_.decay_all);
    const Tensor gradient = network_.gradient(segment);
    if (segment.kind == SegmentKind::word) {
      history_.push_back(step);
      const std::vector<std::int32_t>& words = network_.words();
      model::share(
          static_cast<std::int64_t>(words.size()), kRowGrain,
          [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t i = begin; i < end; ++i) {
              const auto row = static_cast<std::size_t>(words[static_cast<std::size_t>(i)]);
              const std::int64_t offset = static_cast<std::int64_t>(row) * width_;
              if (row_moved_[row] == 0) {
                std::fill_n(m_room_.data() + offset, width_, 0.0F);
                std::fill_n(v_room_.data() + offset, width_, 0.0F);
              }
              kernels::adamw(step, scale, gradient.data_ptr<float>() + i * width_, weights + offset,
                             m_room_.data() + offset, v_room_.data() + offset, nullptr, 0, width_);
              row_step_[row] = steps_;
              row_moved_[row] = 1;
            }
          });
      continue;
    }
    const Tensor rounded = network_.rounded(segment);
    auto* bf16 = rounded.defined() ? static_cast<kernels::Bf16*>(rounded.data_ptr()) : nullptr;
    model::share(segment.size(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      const auto advance = [&](const auto* values) {
        kernels::adamw(step, scale, values, weights + segment.begin, m_room_.data() + segment.begin,
                       v_room_.data() + segment.begin, bf16, begin, end);
      };
      if (gradient.scalar_type() == at::kBFloat16)
        advance(static_cast<const kernels::Bf16*>(gradient.data_ptr()));
      else
        advance(gradient.data_ptr<float>());
    });
  }
}

// Nothing here waits for the device: what the host does not know yet stays a tensor there.
void Optimizer::step_by_aten(double learning_rate, const Tensor& loss, const Tensor& norm) {
  const auto options = weights_.options();
  diverged_flag_ =
      at::maximum(diverged_flag_, (loss + norm).isfinite().logical_not().to(at::kFloat));
  const Tensor state_step = at::full({}, static_cast<double>(steps_), options);
  // The operator divides by this: max(1, (norm + 1e-6) / limit).
  const Tensor inverse_scale =
      options_.max_grad_norm > 0.0
          ? ((norm + 1e-6) / options_.max_grad_norm).clamp_min(1.0).to(at::kFloat)
          : at::ones({}, options);
  for (const bool decay : {true, false}) {
    std::vector<Tensor> weights, gradients, m, v, steps;
    for (const Segment& segment : trained_) {
      if ((segment.decay || options_.decay_all) != decay) continue;
      const auto part = [&](const Tensor& flat) {
        return flat.narrow(0, segment.begin, segment.size());
      };
      weights.push_back(part(weights_));
      // The word table may end in a gap that its gradient does not have.
      const Tensor gradient = network_.gradient(segment).flatten();
      weights.back() = weights.back().narrow(0, 0, gradient.numel());
      gradients.push_back(gradient);
      m.push_back(part(m_).narrow(0, 0, gradient.numel()));
      v.push_back(part(v_).narrow(0, 0, gradient.numel()));
      steps.push_back(state_step);
    }
    if (weights.empty()) continue;
    at::_fused_adamw_(weights, gradients, m, v, {}, steps, learning_rate, options_.beta1,
                      options_.beta2, decay ? options_.weight_decay : 0.0, options_.eps, false,
                      false, inverse_scale, diverged_flag_);
  }
  network_.refresh_products(std::max(0, options_.frozen_layers));
}

void Optimizer::resume(std::int64_t steps) {
  steps_ = steps;
  history_begin_ = steps;
  history_.clear();
  std::ranges::fill(row_step_, steps);
  for (std::size_t row = 0; row < row_moved_.size(); ++row) {
    const auto moved = [&](const model::FlatBuffer& moment) {
      const auto values = moment.span().subspan(row * static_cast<std::size_t>(width_),
                                                static_cast<std::size_t>(width_));
      return std::ranges::any_of(values, [](float value) { return value != 0.0F; });
    };
    row_moved_[row] = moved(m_room_) || moved(v_room_) ? 1 : 0;
  }
}

}  // namespace runner::train
