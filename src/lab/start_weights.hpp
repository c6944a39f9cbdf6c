#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "model/checkpoint.hpp"

namespace runner::lab {

// The pretrained weights that a task's runs start from. A run copies them once, so they are in
// memory only until the first run has begun, and later between a run's call of read() and its first
// step; runs that start together share one copy.
class StartWeights {
 public:
  // Reads them once. Throws InputError as model::load_checkpoint does.
  StartWeights(std::filesystem::path model, std::vector<std::string> labels);

  // Throws InputError when the files are not those of the first reading.
  std::shared_ptr<const model::Checkpoint> read() const;

  const model::EncoderConfig& config() const { return config_; }
  const std::string& hash() const { return hash_; }                 // of the flat weights
  const std::vector<std::string>& notes() const { return notes_; }  // model::Checkpoint's

 private:
  std::filesystem::path model_;
  std::vector<std::string> labels_;
  model::EncoderConfig config_;
  std::string hash_;
  std::vector<std::string> notes_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const model::Checkpoint> first_;  // until it is asked for
  mutable std::weak_ptr<const model::Checkpoint> held_;
};

}  // namespace runner::lab
