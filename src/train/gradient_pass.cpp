#include "train/gradient_pass.hpp"

#include <ATen/ops/constant_pad_nd.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "train/frozen.hpp"
#include "train/job.hpp"
#include "train/loss.hpp"

namespace runner::train {

using at::Tensor;

namespace {

// Larger micro-batches keep a GPU busy for longer than their launches take. It bounds the number of
// graphs as well: 16 rows of up to 128 tokens make 17, an epoch's short last batches fewer again.
constexpr std::int64_t kMostTokens = 8192;

std::int64_t most_tokens(const Job& job) {
  const int longest = std::ranges::max(job.data->lengths());
  const int parts = std::min(job.options.accumulation, job.options.batch_size);
  return std::int64_t{longest} * ((job.options.batch_size + parts - 1) / parts);
}

// What a graph does, without one.
Replay do_again(const std::function<void()>& work) {
  return [work](std::uint64_t) { work(); };
}

}  // namespace

GradientPass::GradientPass(const Job& job, model::Network& network)
    : network_(network),
      config_(job.config),
      target_scale_(job.options.target_scale),
      pass_(train_pass(job)) {
  // Above outputs that are kept there is less to launch; padded attention reads the host's lengths.
  if (!job.graphs || network.has_kernels() || keeps_frozen_output(job) ||
      job.config.family->relative_bias)
    return;
  if (most_tokens(job) > kMostTokens) return;
  recorder_ = job.device.is_cpu() ? do_again : cuda_recorder(job.device);
  if (!recorder_) return;
  try {
    prepare();
  } catch (const c10::OutOfMemoryError&) {
    throw;  // says nothing about graphs
  } catch (const c10::Error& error) {
    no_graphs_ = error.what_without_backtrace();
    recorder_ = nullptr;
    graphs_.clear();
  }
}

// Passes over a single row, before the run's own. By operators first, which make what no graph may
// make while it is recorded (cuBLAS's handles and workspaces, the choice of the attention); then as
// a graph, so that a GPU that cannot record one says so before the first step.
void GradientPass::prepare() {
  const c10::InferenceMode guard;
  const auto row_of = [&](std::size_t length) {
    model::PackedBatch batch;
    batch.add_row(config_, std::vector<std::int32_t>(length), std::vector<std::uint8_t>(length));
    batch.labels = {0.0F};
    return batch;
  };
  network_.begin_step({});
  network_.take_flops();
  std::array<double, 3> flops{};
  for (std::size_t length = 1; length <= flops.size(); ++length) {
    loss_and_backward(network_.forward(row_of(length), pass_), 1);
    flops[length - 1] = network_.take_flops();
  }
  // A pass costs the sum over its rows of a polynomial in their lengths; a replay counts nothing.
  pair_flops_ = (flops[2] - 2.0 * flops[1] + flops[0]) / 2.0;
  token_flops_ = flops[1] - flops[0] - 3.0 * pair_flops_;
  row_flops_ = flops[0] - token_flops_ - pair_flops_;
  add(row_of(1), 0, 1, true);
  take_flops();
}

Tensor GradientPass::add(model::PackedBatch batch, std::uint64_t dropout_key, std::size_t step_rows,
                         bool first, const Tensor& frozen) {
  const c10::InferenceMode guard;
  pass_.dropout_key = dropout_key;
  if (!recorder_) return loss_and_backward(network_.forward(batch, pass_, frozen), step_rows);
  for (std::int64_t row = 0; row < batch.rows(); ++row) {
    const auto length = static_cast<double>(batch.length(row));
    flops_ += row_flops_ + length * token_flops_ + length * length * pair_flops_;
  }
  batch.add_filler(config_);
  const Shape shape{batch.rows(), batch.tokens(), model::round_up_tokens(batch.longest()),
                    step_rows, first};
  Graph& graph = graphs_[shape];
  graph.batch = std::move(batch);
  graph.placed = network_.place(graph.batch, pass_.frozen_layers == 0, &graph.room);
  network_.expect_backward(first);
  if (!graph.replay)
    graph.replay = recorder_([this, &graph, step_rows] {
      graph.loss = loss_and_backward(network_.forward(graph.placed, pass_), step_rows);
    });
  graph.replay(dropout_key);
  return graph.loss.clone();  // the next replay writes it anew
}

// A filler's row of logits, which has no label, gets no gradient.
Tensor GradientPass::loss_and_backward(const Tensor& logits, std::size_t step_rows) {
  const Tensor& labels = network_.labels();
  const std::int64_t rows = labels.size(0), filler = logits.size(0) - rows;
  const BatchLoss loss =
      batch_loss(logits.narrow(0, 0, rows), labels, static_cast<double>(step_rows), target_scale_);
  network_.backward(filler > 0 ? at::constant_pad_nd(loss.dlogits, {0, 0, 0, filler})
                               : loss.dlogits);
  return loss.sum;
}

double GradientPass::take_flops() {
  const double counted = network_.take_flops();
  return recorder_ ? std::exchange(flops_, 0.0) : counted;
}

}  // namespace runner::train
