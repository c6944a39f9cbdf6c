#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "data/encoded.hpp"
#include "model/config.hpp"
#include "train/device.hpp"
#include "train/options.hpp"

namespace runner::train {

// The mean training loss of any flat weights on any rows, and its gradient: dropout off,
// every parameter, by the operators that train.
class LossGradient {
 public:
  LossGradient(const model::EncoderConfig& config, int classes, Device device,
               Precision precision = Precision::fp32, double target_scale = 1.0);
  ~LossGradient();
  LossGradient(LossGradient&&) noexcept;
  LossGradient& operator=(LossGradient&&) noexcept;

  struct Result {
    double mean_loss = 0.0;
    std::vector<float> gradient;  // in model::make_layout(config, classes)
    double flops = 0.0;
  };
  // At least one row; all of them labelled. Asks `before_batch`, which may throw, before each of
  // its batches of rows of similar length.
  Result at(std::span<const float> weights, const data::EncodedSplit& split,
            std::span<const int> rows, const std::function<void()>& before_batch = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace runner::train
