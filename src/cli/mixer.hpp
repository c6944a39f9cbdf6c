#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/options.hpp"
#include "cli/task_flags.hpp"
#include "data/encoded.hpp"
#include "fusion/rules.hpp"
#include "fusion/trajectory.hpp"
#include "lab/engine.hpp"
#include "model/config.hpp"

namespace runner::cli {

// Adds a model's folder, or the checkpoint-* folders that Hugging Face's Trainer left in it, by
// their steps. Throws InputError when it is not there.
void add_folders(const std::filesystem::path& folder, std::vector<std::filesystem::path>& folders);

// Mixes of several models of one architecture, and what they are worth on a task.
class Mixer {
 public:
  using Weights = std::vector<double>;  // over the models, sum 1

  // Reads fine-tuned models; `tokenizer` is the folder of their tokenizer's files. Throws
  // InputError when one's architecture or outputs are not those of the first.
  Mixer(const CommandLine& line, std::vector<std::filesystem::path> folders,
        const std::filesystem::path& tokenizer);

  // Reads the data of --task: all of dev, and `losses` rows of train, drawn by `seed`.
  void read_task(const CommandLine& line, int losses, std::uint64_t seed);

  int size() const { return trajectory_->size(); }
  const std::vector<std::filesystem::path>& folders() const { return folders_; }
  const model::EncoderConfig& config() const { return config_; }
  const std::filesystem::path& tokenizer() const { return tokenizer_; }
  bool has_task() const { return task_.has_value(); }
  const std::string& task_name() const { return task_->task.name; }
  int loss_rows() const { return static_cast<int>(loss_rows_.size()); }

  std::vector<float> mix(const Weights& alpha) const { return trajectory_->mix(alpha, threads_); }
  // What a fusion rule's step asks of its mix, in fp32: the training loss on the rows drawn, its
  // gradient, and as selection dev's loss and score, the mean of its parts'. Only with a task.
  fusion::Measured measure(fusion::Step step);

 private:
  std::vector<std::filesystem::path> folders_;
  std::filesystem::path tokenizer_;
  model::EncoderConfig config_;
  std::optional<fusion::Trajectory> trajectory_;
  int threads_ = 1;
  std::optional<TaskToRead> task_;
  data::EncodedSplit train_;
  std::vector<int> loss_rows_;
  std::vector<data::EncodedSplit> dev_;
  std::unique_ptr<lab::Scorer> scorer_;
};

}  // namespace runner::cli
