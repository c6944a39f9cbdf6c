#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/metrics.hpp"
#include "experiment/lease.hpp"
#include "train/options.hpp"
#include "train/rung.hpp"
#include "train/status.hpp"
#include "train/step.hpp"

namespace runner::experiment {

// What an experiment asks of training; the whole seam between the two. The real one is bound in
// cli/, tests pass a quadratic. Everything behind it is a pure function of the request.

using train::RungRecord;
using train::StepRecord;

struct RunRecord {
  train::Status status = train::Status::ok;
  std::string why;                                   // empty when ok
  std::int64_t steps = 0, examples = 0, tokens = 0;  // tokens as computed, padding included
  double flops = 0.0;       // 2 x multiply-adds, forward and backward as executed
  double train_loss = 0.0;  // mean over the last epoch's steps
  double seconds = 0.0;     // wall time of the training itself, also when read from the store
  int snapshots = 0;        // K
  std::vector<StepRecord> curve;
  std::vector<RungRecord> rungs{};  // a look for each of the request's, as far as the run came
};

// What a model says of each row of one part of a split (MNLI's dev has two), beside what is true.
struct Predictions {
  std::vector<float> labels;     // as data::EncodedSplit
  std::vector<float> predicted;  // as data::predict
};

struct Evaluation {
  data::Scores selection, report;  // the same values when the spec selects on dev
  double selection_loss = 0.0, report_loss = 0.0;
  std::vector<Predictions> predictions{};  // of the report split, part by part
};

// A caller's part in a run; each may be empty. Both are called by the thread that works for it.
struct Watch {
  std::function<bool()> should_stop{};  // asked before each step and every few batches
  std::function<void(const StepRecord&, std::int64_t steps)> on_step{};  // after each of so many
};

// Thrown where a caller's should_stop is seen to be true. No std::exception: it is no failure, and
// nothing that records failures may take it for one.
struct Stopped {};

// A finished run whose snapshots can still be mixed. The calls that evaluate ask the should_stop
// that its train() was given, and throw Stopped.
class TrainedRun {
 public:
  virtual ~TrainedRun() = default;
  virtual const RunRecord& record() const = 0;
  virtual std::string key() const { return ""; }  // in the store, where there is one
  // Mean training loss of sum_k alpha[k] theta_k on the first `rows` of the run's fusion subset,
  // dropout off, in that precision. Deterministic.
  virtual double fusion_loss(std::span<const double> alpha, int rows,
                             train::Precision precision) = 0;
  // The same loss and its derivatives by alpha: the gradient by theta times every theta_k.
  struct Slope {
    double loss = 0.0;
    std::vector<double> gradient;  // [K]
  };
  virtual Slope fusion_slope(std::span<const double> alpha, int rows,
                             train::Precision precision) = 0;
  // Loss and GLUE's score of sum_k alpha[k] theta_k on the selection split.
  struct Selected {
    double loss = 0.0, score = 0.0;
  };
  virtual Selected select(std::span<const double> alpha) = 0;
  // Metrics of sum_k alpha[k] theta_k on the selection and the report split.
  virtual Evaluation evaluate(std::span<const double> alpha) = 0;
  // The same for the run's exponential moving average; only when options.ema_decay > 0.
  virtual Evaluation evaluate_ema() = 0;
  // Examples and FLOPs that the calls above have spent so far.
  virtual std::int64_t evaluation_examples() const = 0;
  virtual double evaluation_flops() const = 0;
  // Seconds that answers which were known already had taken when they were measured: who asks later
  // is charged for them as who asks first.
  virtual double remembered_seconds() const { return 0.0; }
};

// Where a run is looked at: after this share of its steps, in (0, 1). It ends there when its score
// on the selection split is below `least`.
struct Rung {
  double share = 0.5;
  double least = -std::numeric_limits<double>::infinity();
  bool operator==(const Rung&) const = default;
};

struct RunRequest {
  std::string task;
  std::uint64_t seed = 0;        // of the training
  std::uint64_t split_seed = 0;  // the cell's: draws the rows that train and those that select
  train::Options options{};
  std::vector<Rung> rungs{};  // shares ascending
};

// A fused model, as a soup takes it: a run and the weights of its snapshots; none: its moving
// average.
struct Ingredient {
  RunRequest request;
  std::vector<double> alpha;
};

class Trainer {
 public:
  virtual ~Trainer() = default;
  // The runs that cells which are not done will ask for, as far as that is known, the next first:
  // what a store keeps longest. Set by run(); may be empty.
  std::function<std::vector<RunRequest>()> wanted;

  // Trains, or returns the stored run; never null. Of a run that ends on a rung the record is as
  // experiment/pruning has it, and there are no snapshots. Throws Stopped when the watch's
  // should_stop, which must outlive the run, became true (progress is saved), Busy when another
  // trains this run, and an error of the machine (no memory, no room on the disk), which is no
  // property of the run. Called from several threads at once.
  virtual std::unique_ptr<TrainedRun> train(const RunRequest& request, const Watch& watch) = 0;

  // The ingredients, at least one, as the snapshots of one run whose record is that nothing was
  // trained. It is measured by the task, options and split of `as`: select() on one half of the
  // selection split, evaluate() on the other. Throws as train, which it asks for what it needs.
  virtual std::unique_ptr<TrainedRun> gather(const RunRequest& as,
                                             std::span<const Ingredient> ingredients,
                                             const Watch& watch) = 0;
};

}  // namespace runner::experiment
