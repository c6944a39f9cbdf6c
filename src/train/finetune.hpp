#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/encoded.hpp"
#include "model/config.hpp"
#include "train/device.hpp"
#include "train/options.hpp"
#include "train/rung.hpp"
#include "train/status.hpp"
#include "train/step.hpp"

namespace runner::train {

// Where a run is looked at: after this step, from 0 to the last but one. It is pruned when its
// score is below `least`.
struct Rung {
  std::int64_t step = 0;
  double least = 0.0;
};
// What a look sees, and costs.
struct Seen {
  double score = 0.0;
  std::int64_t examples = 0;
  double flops = 0.0;
};

// What runs with frozen layers on one start and one set of rows share (train/frozen.hpp): the
// outputs of those layers, once computed.
class FrozenOutputs;
std::shared_ptr<FrozenOutputs> make_frozen_outputs();

// One training run. A pure function of config, classes, weights, fresh_head, data, options, seed,
// and device type, on any number of threads: the same bits every time, interrupted and resumed or
// not.
struct Job {
  model::EncoderConfig config;
  int classes = 2;                   // outputs of the head; 1: regression
  std::span<const float> weights{};  // start, in model::make_layout(config, classes)
  bool fresh_head = true;            // initialise the head from `seed` and options.head_init
  bool fresh_pooler = false;         // likewise the pooler, where the family has one
  const data::EncodedSplit* data = nullptr;
  Options options{};
  std::uint64_t seed = 0;
  Device device{};
  bool reference_ops = false;  // for tests: compute on a CPU as on a GPU
  bool graphs = true;          // on a GPU, where it can: launch a step's operators at once
  // Null: the run keeps its own. No effect on the result.
  std::shared_ptr<FrozenOutputs> frozen{};
  // Folder for this run's own progress; empty: none is kept. It stays when the run is through: it
  // then holds the snapshots (train/progress.hpp) and all else that the same job needs to answer
  // the same result without a step, until the caller has put that elsewhere and removes it.
  std::filesystem::path checkpoint{};
  double save_every_seconds = 300.0;  // periodic saves, when `checkpoint` is set
  // Hears why a save failed (a full disk): the run goes on without it. May be empty.
  std::function<void(const std::string&)> on_unsaved{};
  std::function<void()> on_loaded{};    // `weights` is not read any more: the caller may free it
  std::function<bool()> should_stop{};  // asked after every step; may be empty
  // Steps ascending. They change nothing of a run that goes on.
  std::vector<Rung> rungs{};
  // Looks at a rung's weights; nothing when should_stop became true meanwhile.
  std::function<std::optional<Seen>(std::span<const float> weights)> look{};
  // Once per step, in order; on a GPU, which is not waited for, one step late. May be empty.
  std::function<void(const StepRecord&)> on_step{};
};

struct Result {
  Status status = Status::ok;
  std::string why;                // empty when ok
  std::vector<StepRecord> curve;  // one per optimiser step
  // The trajectory: flat weights at K equally spaced steps in (snapshot_start, 1], the last step
  // included. Empty unless status is ok or collapsed. One that lies in Job::checkpoint is empty
  // here (load_snapshots reads it).
  std::vector<std::vector<float>> snapshots;
  std::vector<std::int64_t> snapshot_steps;
  std::vector<float> ema;         // empty unless options.ema_decay > 0
  std::vector<RungRecord> rungs;  // as far as the run came
  int graphs = 0;                 // that a GPU's steps were launched by (train/gradient_pass.hpp)
  std::string no_graphs;          // why it could record none
  std::int64_t total_steps = 0;
  std::int64_t examples = 0;
  std::int64_t tokens = 0;
  // 2 x multiply-adds of matrix products and attention, as executed; of frozen layers' outputs that
  // are kept, as if this run had computed them.
  double flops = 0.0;
  double train_loss = 0.0;  // mean over the last epoch's steps
  double seconds = 0.0;     // wall time, the time before an interruption included
};

// Optimiser steps that a job on `rows` training rows takes.
std::int64_t total_steps(const Options& options, int rows);

// The 1-based steps at which snapshots are taken, ascending; the last is `steps`. Throws InputError
// when there are fewer steps after snapshot_start than snapshots.
std::vector<std::int64_t> snapshot_steps(const Options& options, std::int64_t steps);

// Whether a job computes its frozen layers' outputs once, before its first step: they have no
// dropout, the steps take every row at least once, and the outputs are not larger than 2 GiB.
bool keeps_frozen_output(const Job& job);

// Throws InputError on options or rows that cannot be trained on.
void check_job(const Job& job);

// Throws InputError on options that the data cannot serve (a batch larger than the data, more
// snapshots than steps) and on an unreadable checkpoint folder.
Result finetune(const Job& job);

}  // namespace runner::train
