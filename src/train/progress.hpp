#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "train/finetune.hpp"

namespace runner::train {

// Everything an interrupted run needs to go on with the same bits. Masks and the order of the data
// are pure functions of (seed, step), so no generator is in it.
struct Progress {
  std::string job;  // fingerprint of the job; another job's progress is not taken up
  std::int64_t step = 0;
  std::int64_t examples = 0, tokens = 0;
  double flops = 0.0, seconds = 0.0;
  std::vector<StepRecord> curve;
  std::vector<RungRecord> rungs;
  // From the first trained float to the end; of a run after its last step none: the last snapshot
  // has them.
  std::vector<float> weights, m, v;
  std::vector<float> ema;  // empty unless kept
};

// Fingerprint of what decides a run's bits.
std::string job_fingerprint(const Job& job);

// Writes FOLDER/progress atomically, with a checksum.
void save_progress(const std::filesystem::path& folder, const Progress& progress);
// Nothing when there is none, it is not whole, or it is another job's.
std::optional<Progress> load_progress(const std::filesystem::path& folder, const std::string& job);
// For a run that begins: another job's progress would go on from this one's snapshots.
void remove_progress(const std::filesystem::path& folder);

}  // namespace runner::train
