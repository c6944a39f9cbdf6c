#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "experiment/trainer.hpp"
#include "spec/spec.hpp"
#include "train/bench.hpp"
#include "train/evaluate.hpp"
#include "train/loss_gradient.hpp"

namespace runner::lab {

// A model as flat weights in model::make_layout of its config.
struct FusedModel {
  model::EncoderConfig config;
  std::vector<float> weights;
};

// The real trainer behind an experiment: GLUE data, the pretrained encoder, LibTorch, and a store
// of finished runs.
class Laboratory : public experiment::Trainer {
 public:
  // What a reader of the results should know: rows used and cut by max_length per task, what
  // became of the model's tensors. One line each, complete once every task has been asked for.
  virtual std::vector<std::string> notes() const = 0;
  // Reads and tokenises a task's data and reads its starting weights, for what may be wrong with
  // them: throws InputError. Returns what was replaced, made or left aside of the model. Keeps
  // nothing but the cache of tokens.
  virtual std::vector<std::string> try_inputs(const spec::TaskEntry& task) const = 0;
  // The keys in the store of those of the requests whose data this run has claimed.
  virtual std::vector<std::string> keys(
      const std::vector<experiment::RunRequest>& requests) const = 0;
  // Makes again what says of which data and weights this run is, where that file is damaged.
  virtual void mend_claims() = 0;
  // Trainings in this process of runs that had been dropped to make room in the store.
  virtual int trained_again() const = 0;
  // sum_k alpha[k] theta_k of the run that train() gives; without alpha the run's exponential
  // moving average. Throws as train() does.
  virtual FusedModel fused_model(const experiment::RunRequest& request,
                                 std::span<const double> alpha,
                                 const std::function<bool()>& should_stop) = 0;
  // The same of what gather() gives.
  virtual FusedModel souped_model(const experiment::RunRequest& as,
                                  std::span<const experiment::Ingredient> ingredients,
                                  std::span<const double> alpha,
                                  const std::function<bool()>& should_stop) = 0;
};

// A model at work, whose weights may change between the rows it scores.
class Scorer {
 public:
  virtual ~Scorer() = default;
  // Flat weights in model::make_layout of its config and classes.
  virtual void load(std::vector<float> weights) = 0;
  // As train::Evaluator::score.
  virtual train::Scored score(const data::EncodedSplit& split, std::span<const int> rows = {}) = 0;
  // As train::LossGradient::at.
  virtual train::LossGradient::Result loss_gradient(const data::EncodedSplit& split,
                                                    std::span<const int> rows) = 0;
};

// The half of the program that computes with LibTorch, as functions. LibTorch registers thousands
// of operators when it is loaded, a fifth of a second that a verb which only reads text must not
// pay: so this half is a shared object inside the executable (cli/engine.cpp loads it).
struct Engine {
  // `store` is the folder of an experiment::Store, limited to spec.store_limit. `threads` are those
  // of one caller's matrix products. `tell` hears what a person should know, a sentence at a time,
  // from any thread. The spec must outlive the laboratory.
  std::unique_ptr<Laboratory> (*make_laboratory)(const spec::Spec& spec,
                                                 std::filesystem::path store, int threads,
                                                 std::function<void(const std::string&)> tell);
  // lab/pricing.hpp: a trainer that only counts.
  std::unique_ptr<experiment::Trainer> (*make_pricing)(const spec::Spec& spec);
  // `target_scale` as train::Evaluator has it.
  std::unique_ptr<Scorer> (*make_scorer)(const model::EncoderConfig& config, int classes,
                                         const train::Device& device, train::Precision precision,
                                         double target_scale);
  bool (*libtorch_has_cuda)();
  train::Device (*resolve_device)(std::string_view text);
  std::vector<train::Device> (*resolve_devices)(std::string_view text);
  int (*auto_threads)();
  double (*auto_memory)();
  void (*set_threads)(int threads);
  train::TrainingSpeed (*measure_training)(train::Job job, int steps);
  double (*measure_evaluation)(const train::Job& job, const data::EncodedSplit& split);
  const char* libtorch_version;
};

}  // namespace runner::lab

// The one symbol that the shared object shows.
extern "C" const runner::lab::Engine* runner_engine();
