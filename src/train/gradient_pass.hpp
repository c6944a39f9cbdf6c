#pragma once

#include <ATen/core/Tensor.h>

#include <compare>
#include <cstdint>
#include <map>
#include <string>

#include "model/network.hpp"
#include "train/cuda_graph.hpp"
#include "train/finetune.hpp"

namespace runner::train {

// Forward, loss and backward of a run's micro-batches: operator by operator or, on a GPU whose host
// would be slower in launching than it in computing, by graphs, either from the first step to the
// last. A graph has fixed shapes, so a batch gets a filler row up to a whole number of units of
// tokens, and there is one graph for all batches of as many rows and units. Recording does nothing:
// the pass that is recorded is replayed like the later ones, and has their bits.
class GradientPass {
 public:
  GradientPass(const Job& job, model::Network& network);

  // Adds the gradients of a micro-batch, the `first` of a step of `step_rows` rows or a later one.
  // Returns its rows' share of the step's mean loss, [] fp64. `frozen` as Network::forward has it.
  at::Tensor add(model::PackedBatch batch, std::uint64_t dropout_key, std::size_t step_rows,
                 bool first, const at::Tensor& frozen = {});

  // As Network has them, fillers left out.
  double take_flops();
  // Graphs so far; 0: there will be none.
  int graphs() const { return static_cast<int>(graphs_.size()); }
  // Why the device cannot record one; empty when it can, or was not asked to.
  const std::string& no_graphs() const { return no_graphs_; }

 private:
  // What a graph fixes beside the run's settings.
  struct Shape {
    std::int64_t rows, tokens, longest;
    std::size_t step_rows;
    bool first;
    auto operator<=>(const Shape&) const = default;
  };
  struct Graph {
    model::PackedBatch batch;  // the last one, with its filler
    at::Tensor room;           // where it lies on the device
    model::DeviceBatch placed;
    at::Tensor loss;
    Replay replay;
  };

  void prepare();
  at::Tensor loss_and_backward(const at::Tensor& logits, std::size_t step_rows);

  model::Network& network_;
  const model::EncoderConfig& config_;
  double target_scale_;
  model::TrainPass pass_;
  Recorder recorder_;  // empty: by operators
  std::map<Shape, Graph> graphs_;
  std::string no_graphs_;
  double row_flops_ = 0.0, token_flops_ = 0.0, pair_flops_ = 0.0;
  double flops_ = 0.0;
};

}  // namespace runner::train
