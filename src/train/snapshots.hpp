#pragma once

#include <cstdint>
#include <filesystem>
#include <future>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "train/finetune.hpp"

namespace runner::train {

// The snapshot after this step in a run's progress folder: a trajectory (fusion/trajectory.hpp) of
// one.
std::string snapshot_name(std::int64_t step);
// Nothing when it is missing or not whole.
std::optional<std::vector<float>> load_snapshot(const std::filesystem::path& folder,
                                                std::int64_t step);
// Takes into memory those of a result that only lie in the folder. Throws InputError on one that is
// missing or not whole.
void load_snapshots(const std::filesystem::path& folder, Result& result);

// The snapshots of a run under way, after the given steps in turn. Where the run keeps its progress
// each is written as soon as it is there and not held: K of them take the memory of one.
class Snapshots {
 public:
  // An empty folder: all are held.
  Snapshots(std::filesystem::path folder, std::vector<std::int64_t> steps)
      : folder_(std::move(folder)), steps_(std::move(steps)) {}

  const std::vector<std::int64_t>& steps() const { return steps_; }
  bool due(std::int64_t step) const;

  // Writes the next one; false where there is no folder, or the disk refuses it.
  bool write(const std::vector<float>& weights);
  // Holds the next one in memory.
  void hold(std::vector<float> weights) { held_.push_back(std::move(weights)); }
  // The next one is on its way; collect() waits for it and takes it in.
  void await(std::future<std::vector<float>> weights) { coming_ = std::move(weights); }
  void collect();

  // Writes those that are held. Throws InputError where the disk refuses one.
  void save();
  // Takes up those that a run wrote until `step`; false when one is missing or has another size.
  bool restore(std::int64_t step, std::int64_t floats);
  // All, in order; empty ones lie in the folder.
  std::vector<std::vector<float>> release() { return std::move(held_); }

 private:
  std::filesystem::path folder_;
  std::vector<std::int64_t> steps_;
  std::vector<std::vector<float>> held_;  // so far; empty: it lies in the folder
  std::future<std::vector<float>> coming_;
};

}  // namespace runner::train
