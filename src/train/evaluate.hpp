#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "data/encoded.hpp"
#include "model/config.hpp"
#include "train/device.hpp"
#include "train/options.hpp"

namespace runner::train {

struct Scored {
  // [rows x classes], in the order of `rows`; of a regression in the labels' unit: the output times
  // target_scale.
  std::vector<float> logits;
  // Sum of the labelled rows' losses / their number, in double: cross-entropy, or the squared error
  // to label / target_scale as in training; NaN without labels.
  double mean_loss = 0.0;
  std::int64_t tokens = 0;
  double flops = 0.0;
};

// Scores any flat weights on any rows, dropout off. On a CPU the weights are read where they lie.
// The same bits on any number of threads. Not for use from two threads at once.
class Evaluator {
 public:
  Evaluator(const model::EncoderConfig& config, int classes, Device device,
            Precision precision = Precision::fp32, double target_scale = 1.0);
  ~Evaluator();
  Evaluator(Evaluator&&) noexcept;
  Evaluator& operator=(Evaluator&&) noexcept;

  // Takes up flat weights in model::make_layout(config, classes); they must outlive their use.
  void load(std::span<const float> weights);
  // `rows` of the split, sorted by length inside and computed without padding; empty: all rows.
  // `before_batch`, which may be empty, is called before each batch; what it throws ends the call.
  Scored score(const data::EncodedSplit& split, std::span<const int> rows = {},
               const std::function<void()>& before_batch = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace runner::train
