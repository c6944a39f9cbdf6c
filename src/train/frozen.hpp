#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <tuple>
#include <vector>

#include "model/network.hpp"
#include "train/finetune.hpp"

namespace runner::train {

// What the frozen layers put out over all training rows.
class FrozenOutput {
 public:
  // Computes it by `network`, which holds the job's weights, in batches that depend on the rows
  // alone: a pure function of weights, rows, frozen layers and precision. Null when
  // job.should_stop became true.
  static std::shared_ptr<const FrozenOutput> compute(const Job& job, model::Network& network);

  // Of some rows as Network::forward takes it, on the network's device.
  at::Tensor of(std::span<const int> rows) const;
  double flops() const { return flops_; }
  std::int64_t bytes() const { return all_.numel() * all_.element_size(); }

 private:
  at::Tensor places(std::span<const int> rows) const;

  at::Tensor all_;                     // [all places, H] fp32
  std::vector<std::int64_t> offsets_;  // [rows + 1]: row i has the places offsets_[i] to [i + 1]
  double flops_ = 0.0;
};

// The outputs that runs on the same start and rows have in common, kept as far as they are not
// larger than 2 GiB together. For several threads.
class FrozenOutputs {
 public:
  // As FrozenOutput::compute, at most once on a device for all that is the same.
  std::shared_ptr<const FrozenOutput> get(const Job& job, model::Network& network);

 private:
  std::mutex mutex_;
  std::map<std::tuple<int, int, Precision>, std::shared_ptr<const FrozenOutput>> known_;
};

}  // namespace runner::train
