#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "doctest/doctest.h"
#include "experiment/pruning.hpp"
#include "experiment/run.hpp"
#include "io/json.hpp"
#include "random/philox.hpp"
#include "spec/comparisons.hpp"
#include "spec/spec.hpp"

namespace runner::experiment {

// A fresh folder that goes away with the test; in memory where there is such a place, for every
// append to a journal waits for the disk.
struct Folder {
  std::filesystem::path path;
  Folder() {
    const bool in_memory = ::access("/dev/shm", W_OK) == 0;
    std::string name = (in_memory ? "/dev/shm" : std::filesystem::temp_directory_path().string()) +
                       "/runner_experiment_XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error(name + ": cannot create");
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
};

// Training in closed form. Snapshot k is a point in R^3 around an optimum; the training loss is the
// squared distance of the mixture to it, the score falls with the distance to another point and
// with the distance of log10(lr) to -4.5.
class FakeRun : public TrainedRun {
 public:
  static constexpr std::int64_t kSubset = 16, kSplit = 10, kReport = 40;

  explicit FakeRun(const RunRequest& request, std::function<bool()> should_stop = {})
      : should_stop_(std::move(should_stop)),
        lr_penalty_(std::pow(std::log10(request.options.lr) + 4.5, 2) * 0.1) {
    const auto key = static_cast<unsigned char>(request.task[0]);
    random::Stream stream(random::derive(request.seed, "fake", key));
    for (int k = 0; k < request.options.snapshots; ++k) {
      snapshots_.push_back({stream.normal(), stream.normal(), stream.normal()});
    }
    record_.steps = 20;
    record_.examples = 100;
    record_.tokens = 1000;
    record_.flops = 1e6;
    record_.train_loss = 0.5 + lr_penalty_;
    record_.seconds = 1.25;
    record_.snapshots = request.options.snapshots;
    for (int step = 1; step <= 5; ++step) {
      record_.curve.push_back(
          {step, stream.uniform() + request.options.lr, request.options.lr, 1.0 / step});
    }
    // What a look sees falls with the same penalty, and wavers.
    random::Stream looks(random::derive(random::derive(request.seed, "looks", key), "lr",
                                        static_cast<std::uint64_t>(1e12 * request.options.lr)));
    for (const Rung& rung : request.rungs) {
      const std::int64_t step = rung_step(rung, record_.steps);
      record_.rungs.push_back(
          {.step = step,
           .score = 1.0 / (2.0 - rung.share + lr_penalty_ + 0.1 * looks.uniform()),
           .examples = 5 * step,
           .tokens = 50 * step,
           .flops = 5e4 * static_cast<double>(step),
           .seconds = 0.0625 * static_cast<double>(step),
           .look_examples = kSplit,
           .look_flops = 3.5,
           .look_seconds = 0.0});
    }
  }

  // Of other runs' models, as Trainer::gather has it.
  FakeRun(const RunRequest& as, std::span<const Ingredient> ingredients,
          std::function<bool()> should_stop)
      : FakeRun(as, std::move(should_stop)) {
    snapshots_.clear();
    for (const Ingredient& ingredient : ingredients) {
      const FakeRun run(ingredient.request);
      std::vector<double>& model = snapshots_.emplace_back(3);
      for (std::size_t i = 0; i < 3; ++i) model[i] = run.mixed(ingredient.alpha, i);
    }
    record_ = RunRecord();
    record_.train_loss = std::nan("");
    record_.snapshots = static_cast<int>(snapshots_.size());
    selection_rows_ = kSplit / 2;
    shift_ = 0.05;
  }

  const RunRecord& record() const override { return record_; }
  RunRecord& record() { return record_; }

  double fusion_loss(std::span<const double> alpha, int rows, train::Precision) override {
    pass();
    examples_ += kSubset;
    flops_ += 10.0 * rows;
    return distance(alpha, 0.1);
  }
  Slope fusion_slope(std::span<const double> alpha, int rows, train::Precision precision) override {
    Slope slope{fusion_loss(alpha, rows, precision), std::vector<double>(alpha.size())};
    for (std::size_t i = 0; i < 3; ++i) {
      double x = -0.1;
      for (std::size_t k = 0; k < alpha.size(); ++k) x += alpha[k] * snapshots_[k][i];
      for (std::size_t k = 0; k < alpha.size(); ++k) {
        slope.gradient[k] += 2.0 * x * snapshots_[k][i];
      }
    }
    return slope;
  }
  Selected select(std::span<const double> alpha) override {
    pass();
    examples_ += selection_rows_;
    flops_ += 3.5;
    const Evaluation result = at(distance(alpha, 0.3 + shift_));
    return {result.selection_loss, result.selection.score};
  }
  Evaluation evaluate(std::span<const double> alpha) override {
    pass();
    examples_ += selection_rows_ + kSplit;
    flops_ += 7.0;
    return at(distance(alpha, 0.3));
  }
  Evaluation evaluate_ema() override {
    pass();
    return at(0.25);
  }
  std::int64_t evaluation_examples() const override { return examples_; }
  double evaluation_flops() const override { return flops_; }

 private:
  // Where the real one computes a batch.
  void pass() const {
    if (should_stop_ && should_stop_()) throw Stopped();
  }
  double distance(std::span<const double> alpha, double center) const {
    double sum = 0.0;
    for (std::size_t i = 0; i < 3; ++i) sum += std::pow(mixed(alpha, i) - center, 2);
    return sum;
  }
  double mixed(std::span<const double> alpha, std::size_t i) const {
    double x = 0.0;
    for (std::size_t k = 0; k < alpha.size(); ++k) x += alpha[k] * snapshots_[k][i];
    return x;
  }
  Evaluation at(double distance) const {
    Evaluation result;
    result.selection_loss = distance + lr_penalty_;
    result.report_loss = result.selection_loss + 0.01;
    result.selection.score = 1.0 / (1.0 + result.selection_loss);
    result.selection.values = {{"accuracy", result.selection.score}};
    result.report.score = 1.0 / (1.0 + result.report_loss);
    result.report.values = {{"accuracy", result.report.score}};
    Predictions& rows = result.predictions.emplace_back();  // as many right as the score says
    for (int row = 0; row < kReport; ++row) {
      rows.labels.push_back(static_cast<float>(row % 2));
      const bool right = (row + 0.5) / kReport < result.report.score;
      rows.predicted.push_back(right ? rows.labels.back() : 1.0f - rows.labels.back());
    }
    return result;
  }

  std::function<bool()> should_stop_;
  double lr_penalty_;
  std::vector<std::vector<double>> snapshots_;
  RunRecord record_;
  std::int64_t selection_rows_ = kSplit;  // of select() and of what evaluate() selects by
  double shift_ = 0.0;                    // between the optima of the two
  std::int64_t examples_ = 0;
  double flops_ = 0.0;
};

class FakeTrainer : public Trainer {
 public:
  using Key = std::tuple<std::string, std::uint64_t, double, int>;
  int calls = 0;
  std::set<Key> distinct;  // what was really trained
  // Where a test asks, at each run: how many are known to be wanted still. It takes its time.
  bool foresee = false;
  std::vector<std::size_t> foreseen;
  int surprises = 0;  // how often the first of them was another
  // May change the outcome of a request, or throw.
  std::function<void(const RunRequest&, RunRecord&)> disturb;
  std::function<void()> watch_run;  // called during each run, by several threads at once

  std::unique_ptr<TrainedRun> train(const RunRequest& request, const Watch& watch) override {
    if (watch.should_stop && watch.should_stop()) throw Stopped();
    if (watch.on_step) watch.on_step({.step = 1, .loss = 0.5}, 1);
    if (watch_run) watch_run();
    auto run = std::make_unique<FakeRun>(request, watch.should_stop);
    const std::lock_guard guard(mutex_);
    ++calls;
    distinct.insert({request.task, request.seed, request.options.lr, request.options.batch_size});
    if (foresee) {
      const std::vector<RunRequest> next = wanted();
      foreseen.push_back(next.size());
      const bool first =
          !next.empty() && next[0].seed == request.seed && next[0].options.lr == request.options.lr;
      surprises += first ? 0 : 1;
    }
    if (disturb) disturb(request, run->record());
    if (auto stopped = pruned(run->record(), request.rungs)) run->record() = *std::move(stopped);
    return run;
  }
  std::unique_ptr<TrainedRun> gather(const RunRequest& as, std::span<const Ingredient> ingredients,
                                     const Watch& watch) override {
    if (watch.should_stop && watch.should_stop()) throw Stopped();
    return std::make_unique<FakeRun>(as, ingredients, watch.should_stop);
  }

 private:
  std::mutex mutex_;
};

inline spec::Method method(std::string kind, spec::Search search, std::string rule,
                           std::string outer = "", std::string inner = "") {
  std::string name = kind;
  if (!outer.empty() && !inner.empty()) {
    name += "(" + outer + "," + inner + ")";
  } else if (!outer.empty() || !inner.empty()) {
    name += "(" + outer + inner + ")";
  }
  return {std::move(name),  std::move(kind),  search, std::move(rule),
          std::move(outer), std::move(inner), {},     {}};
}

inline std::vector<spec::Method> pairs() {
  using spec::Search;
  return {method("bilevel", Search::bo, "bo", "ei", "ucb"),
          method("bilevel", Search::bo, "bo", "ei", "ei"),
          method("bilevel", Search::bo, "bo", "ucb", "ucb"),
          method("bilevel", Search::bo, "bo", "ucb", "ei")};
}

// Of every kind of search but the grid.
inline std::vector<spec::Method> several() {
  return {method("fine_tune", spec::Search::none, "last"), method("swa", spec::Search::none, "swa"),
          method("restarts", spec::Search::restarts, "best"),
          method("random_search", spec::Search::random, "last"), pairs()[0]};
}

// Two tasks, two seeds, lr and batch size searched in 5 trials of which 3 are the start design.
inline spec::Spec fake_spec(const std::filesystem::path& runs, std::vector<spec::Method> methods) {
  spec::Spec spec;
  spec.name = "fake";
  spec.runs_root = runs;
  spec.holdout = 0.1;
  for (const char* name : {"RTE", "CoLA"}) {
    spec::TaskEntry& entry = spec.tasks.emplace_back();
    entry.task.name = name;
    entry.task.labels = {"0", "1"};
    entry.task.metrics = {data::Metric::accuracy};
    entry.recipe.train.snapshots = 3;
    entry.recipe.fusion.evaluations = 8;
    entry.recipe.fusion.rows = 16;
  }
  spec.seeds = {0, 7};
  bo::Variable lr;
  lr.name = "lr";
  lr.low = 1e-6;
  lr.high = 1e-3;
  lr.log = true;
  bo::Variable batch;
  batch.name = "batch_size";
  batch.type = bo::Type::choice;
  batch.values = {"8", "16", "32"};
  spec.search = {lr, batch};
  spec.outer.trials = 5;
  spec.outer.initial = 3;
  spec.methods = std::move(methods);
  spec::choose_comparisons(spec);
  return spec;
}

// What a cell's journal holds, without the measured seconds.
inline std::string without_seconds(History history) {
  std::string text;
  for (InnerRecord& record : history.inner) {
    record.seconds = 0.0;
    text += io::Json(record).dump() + "\n";
  }
  for (TrialRecord& record : history.trials) {
    record.budget.train_seconds = record.budget.fusion_seconds = 0.0;
    record.budget.evaluate_seconds = 0.0;
    text += io::Json(record).dump() + "\n";
  }
  return text;
}

inline std::string everything(const spec::Spec& spec) {
  std::string text;
  for (const Cell& cell : list_cells(spec)) {
    text += cell_name(cell) + "\n" + without_seconds(read_history(cell));
  }
  return text;
}

inline Summary run_all(const spec::Spec& spec, FakeTrainer& trainer,
                       const RunOptions& options = {}) {
  return run(spec, trainer, options, {});
}

// The whole spec again, elsewhere, by four workers and then by three shards: each leaves what the
// finished run of `spec` has. Returns what the workers did.
inline Summary check_workers_and_shards(spec::Spec spec, FakeTrainer& trainer) {
  const std::string expected = everything(spec);
  const Folder many, shards;
  spec.runs_root = many.path;
  RunOptions options;
  options.workers = 4;
  Summary summary = run_all(spec, trainer, options);
  CHECK(everything(spec) == expected);
  spec.runs_root = shards.path;
  for (const int shard : {2, 0, 1}) {
    options = {};
    options.shard = shard;
    options.shards = 3;
    run_all(spec, trainer, options);
  }
  CHECK(everything(spec) == expected);
  return summary;
}

// Whether a record has gone to a journal.
inline bool is_append(const Event& event) {
  return event.kind == Event::Kind::inner || event.kind == Event::Kind::trial;
}

// The spec in a process of its own, which is killed at the event that is number `kill_at`, from 1,
// of those that count.
inline void run_killed(const spec::Spec& spec, int kill_at, bool (*counts)(const Event&)) {
  const pid_t child = ::fork();
  if (child == 0) {
    int seen = 0;
    FakeTrainer own;
    const auto die = [&](const Event& event) {
      if (counts(event) && ++seen == kill_at) ::kill(::getpid(), SIGKILL);
    };
    run(spec, own, {}, {.on_progress = die, .should_stop = {}});
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
}

// Four processes at once, each of which ends well if `work` says so of its number, 0 to 3.
template <typename Work>
void check_processes(const Work& work) {
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(::fork());
    if (children.back() == 0) ::_exit(work(i) ? 0 : 1);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
}

}  // namespace runner::experiment
