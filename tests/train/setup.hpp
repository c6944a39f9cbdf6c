#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "doctest/doctest.h"
#include "model/checkpoint.hpp"
#include "model/layout.hpp"
#include "random/philox.hpp"
#include "train/finetune.hpp"
#include "train/snapshots.hpp"

namespace runner {

inline model::EncoderConfig tiny_config() {
  model::EncoderConfig config;
  config.vocab_size = 200;
  config.hidden_size = 32;
  config.layers = 2;
  config.heads = 2;
  config.intermediate_size = 64;
  config.max_positions = 40;
  return config;
}

inline std::vector<float> tiny_weights(const model::EncoderConfig& config, int classes) {
  const model::Layout layout = model::make_layout(config, classes);
  std::vector<float> weights(static_cast<std::size_t>(layout.size));
  random::Stream stream(random::derive(1, "weights"));
  for (const model::Parameter& parameter : layout.parameters)
    for (std::int64_t i = 0; i < parameter.size; ++i)
      weights[static_cast<std::size_t>(parameter.offset + i)] = static_cast<float>(
          parameter.decay ? 0.1 * stream.normal()
                          : (parameter.name.ends_with("LayerNorm.weight") ? 1.0 : 0.0));
  return weights;
}

// Sentences of random words; class 1 holds the word 7.
inline data::EncodedSplit sentences(int rows, std::uint64_t seed) {
  data::EncodedSplit split;
  random::Stream stream(seed);
  for (int row = 0; row < rows; ++row) {
    const int length = 4 + static_cast<int>(stream.below(12));
    split.ids.push_back(0);
    for (int i = 0; i < length; ++i)
      split.ids.push_back(static_cast<std::int32_t>(10 + stream.below(190)));
    if (row % 2 == 1) split.ids[split.ids.size() - 2] = 7;
    split.ids.push_back(2);
    split.types.resize(split.ids.size());
    split.offsets.push_back(static_cast<std::int64_t>(split.ids.size()));
    split.labels.push_back(static_cast<float>(row % 2));
  }
  return split;
}

struct Setup {
  model::EncoderConfig config = tiny_config();
  std::vector<float> weights = tiny_weights(config, 2);
  data::EncodedSplit data = sentences(16, 5);

  train::Job job() const {
    train::Job job;
    job.config = config;
    job.weights = weights;
    job.data = &data;
    job.seed = 11;
    job.options.batch_size = 4;
    job.options.max_steps = 12;
    job.options.lr = 1e-3;
    job.options.snapshots = 3;
    return job;
  }
};

// Where a job may keep its progress: below the system's folder for temporary files, not there yet.
inline std::filesystem::path fresh_folder(const char* name) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / name;
  std::filesystem::remove_all(folder);
  return folder;
}

// A run, with all its snapshots in memory.
inline train::Result run_of(const train::Job& job) {
  train::Result result = train::finetune(job);
  train::load_snapshots(job.checkpoint, result);
  return result;
}

// That two runs took the same steps, to the bit.
inline void check_same_bits(const train::Result& run, const train::Result& whole) {
  CHECK(run.snapshots == whole.snapshots);
  CHECK(run.ema == whole.ema);
  CHECK(run.examples == whole.examples);
  REQUIRE(run.curve.size() == whole.curve.size());
  for (std::size_t i = 0; i < whole.curve.size(); ++i) {
    CHECK(run.curve[i].loss == whole.curve[i].loss);
    CHECK(run.curve[i].grad_norm == whole.curve[i].grad_norm);
  }
}

inline double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(double{a[i]} - double{b[i]}));
  return largest;
}

}  // namespace runner
