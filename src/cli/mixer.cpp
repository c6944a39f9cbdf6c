#include "cli/mixer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <numeric>

#include "cli/engine.hpp"
#include "data/metrics.hpp"
#include "data/splits.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "model/fine_tuned.hpp"
#include "random/philox.hpp"

namespace runner::cli {
namespace fs = std::filesystem;

namespace {

// The number of Hugging Face's "checkpoint-500"; nothing for other names.
std::optional<long> checkpoint_step(const fs::path& folder) {
  const std::string name = folder.filename().string();
  constexpr std::string_view kBegin = "checkpoint-";
  long step = 0;
  const char* const end = name.data() + name.size();
  if (!name.starts_with(kBegin)) return std::nullopt;
  const auto [at, error] = std::from_chars(name.data() + kBegin.size(), end, step);
  return error == std::errc() && at == end ? std::optional(step) : std::nullopt;
}

// What must be the same for a mean of weights to be a model.
std::string architecture(model::EncoderConfig config) {
  config.dropout = config.attention_dropout = config.head_dropout = 0.0;
  config.labels.clear();
  return model::config_json(config);
}

std::string outputs(const std::vector<std::string>& labels) {
  return labels.empty() ? "a number" : fmt::format("{}", fmt::join(labels, ", "));
}

}  // namespace

void add_folders(const fs::path& folder, std::vector<fs::path>& folders) {
  if (!fs::is_directory(folder)) {
    throw InputError(fmt::format("{}: there is no such folder", folder.string()));
  }
  std::vector<std::pair<long, fs::path>> checkpoints;
  for (const auto& entry : io::list_folder(folder)) {
    const auto step = checkpoint_step(entry.path());
    if (step && entry.is_directory()) checkpoints.emplace_back(*step, entry.path());
  }
  std::ranges::sort(checkpoints);
  for (const auto& [step, path] : checkpoints) folders.push_back(path);
  if (checkpoints.empty()) folders.push_back(folder);
}

Mixer::Mixer(const CommandLine& line, std::vector<fs::path> folders, const fs::path& tokenizer)
    : folders_(std::move(folders)), tokenizer_(tokenizer) {
  threads_ = line.get<int>("threads");
  if (threads_ < 1) threads_ = engine().auto_threads();
  std::vector<std::vector<float>> weights;
  for (const fs::path& folder : folders_) {
    if (weights.empty()) {
      model::Checkpoint first = model::load_fine_tuned(folder);
      config_ = std::move(first.config);
      weights.push_back(std::move(first.weights));
      continue;
    }
    if (architecture(model::read_config(folder)) != architecture(config_)) {
      throw InputError(fmt::format("{}: is of another architecture than {}", folder.string(),
                                   folders_.front().string()));
    }
    // The rows of its head come in the first one's order.
    model::Checkpoint next = model::load_checkpoint(folder, config_.labels);
    if (next.fresh_head) {
      throw InputError(fmt::format("{}: its outputs are {}, those of {} {}", folder.string(),
                                   outputs(model::load_fine_tuned(folder).config.labels),
                                   folders_.front().string(), outputs(config_.labels)));
    }
    weights.push_back(std::move(next.weights));
  }
  trajectory_.emplace(std::move(weights));
}

void Mixer::read_task(const CommandLine& line, int losses, std::uint64_t seed) {
  task_ = read_task_flags(line);
  require_parts(*task_, {task_->task.train});
  require_parts(*task_, task_->task.dev);
  if (task_->task.classes() != std::max(1, static_cast<int>(config_.labels.size())) ||
      !std::ranges::is_permutation(task_->task.labels, config_.labels)) {
    throw InputError(fmt::format("{}: its outputs are {}, not {}", folders_.front().string(),
                                 outputs(config_.labels), outputs(task_->task.labels)));
  }
  task_->task.labels = config_.labels;  // ids as the heads have them
  const data::Tokenizer tokenizer = data::Tokenizer::load(tokenizer_);
  int max_length =
      std::min({config_.max_length(), tokenizer.max_length(), task_->defaults.max_length});
  if (line.has("max-length")) max_length = std::min(max_length, line.get<int>("max-length"));
  train_ = read_part(*task_, task_->task.train, 0, tokenizer, max_length);
  std::vector<int> rows(static_cast<std::size_t>(train_.rows()));
  std::iota(rows.begin(), rows.end(), 0);
  loss_rows_ = data::stratified_subset(train_.labels, task_->task.regression, rows, losses,
                                       random::derive(seed, "fusion rows"));
  for (const data::SplitFile& part : task_->task.dev) {
    dev_.push_back(read_part(*task_, part, task_->max_dev_rows, tokenizer, max_length));
  }
  engine().set_threads(threads_);
  scorer_ = engine().make_scorer(config_, task_->task.classes(),
                                 engine().resolve_device(line.get<std::string>("device")),
                                 train::Precision::fp32, 1.0);
}

fusion::Measured Mixer::measure(fusion::Step step) {
  scorer_->load(mix(step.alpha));
  fusion::Measured measured;
  if (step.gradient) {
    const train::LossGradient::Result slope = scorer_->loss_gradient(train_, loss_rows_);
    measured.loss = slope.mean_loss;
    measured.gradient = trajectory_->project(slope.gradient, threads_);
  } else if (step.loss) {
    measured.loss = scorer_->score(train_, loss_rows_).mean_loss;
  }
  if (step.selection) {
    const auto parts = static_cast<double>(dev_.size());
    double rows = 0.0;
    measured.selection_loss = measured.selection_score = 0.0;
    for (const data::EncodedSplit& part : dev_) {
      const train::Scored scored = scorer_->score(part);
      measured.selection_score +=
          data::score(task_->task, scored.logits, part.labels).score / parts;
      measured.selection_loss += scored.mean_loss * part.rows();
      rows += part.rows();
    }
    measured.selection_loss /= rows;
  }
  measured.alpha = std::move(step.alpha);
  measured.warm_start = std::move(step.why.warm_start);
  measured.nominees = std::move(step.why.nominees);
  return measured;
}

}  // namespace runner::cli
