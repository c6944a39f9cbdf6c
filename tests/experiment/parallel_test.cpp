#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <thread>

#include "experiment/ahead.hpp"
#include "fake_trainer.hpp"
#include "io/error.hpp"

// outer.parallel: trials of one search side by side.

using namespace runner;
using namespace runner::experiment;
using spec::Search;

namespace {

// Searches of every kind, 10 trials each, and what takes their trials.
spec::Spec with_parallel(const std::filesystem::path& runs, int parallel) {
  std::vector<spec::Method> methods = several();
  methods.push_back(method("bo", Search::bo, "best", "hedge"));
  methods.push_back(method("grid", Search::grid, "swa"));
  spec::Method refusion = method("refuse(swa)", Search::refuse, "swa");
  refusion.of = methods[5].name;
  methods.push_back(refusion);
  spec::Spec spec = fake_spec(runs, methods);
  spec.outer.trials = 10;
  spec.outer.parallel = parallel;
  return spec;
}

// One search alone.
spec::Spec alone(const std::filesystem::path& runs, int parallel) {
  spec::Spec spec = fake_spec(runs, {method("bo", Search::bo, "best", "logei")});
  spec.tasks.pop_back();
  spec.seeds = {0};
  spec.outer.trials = 12;
  spec.outer.parallel = parallel;
  return spec;
}

// Trainings that wait, for a while, until `wanted` are under way at once.
struct Meeting {
  Meeting(FakeTrainer& trainer, int together) : wanted(together) {
    trainer.watch_run = [this] { enter(); };
  }
  void enter() {
    std::unique_lock lock(mutex);
    most = std::max(most, ++inside);
    met.notify_all();
    constexpr std::chrono::seconds kPatience{5};
    if (most < wanted) met.wait_for(lock, kPatience, [this] { return most >= wanted; });
    --inside;
  }
  int wanted;
  std::mutex mutex;
  std::condition_variable met;
  int inside = 0, most = 0;
};

}  // namespace

TEST_CASE("a proposal knows the outcomes of all but the parallel - 1 trials before it") {
  const Folder folder;
  for (const int parallel : {1, 2, 4}) {
    CAPTURE(parallel);
    const spec::Spec spec = alone(folder.path / std::to_string(parallel), parallel);
    FakeTrainer trainer;
    REQUIRE(run_all(spec, trainer).errors.empty());
    const Cell cell{&spec, &spec.tasks[0], &spec.methods[0], 0};
    const std::vector<TrialRecord> trials = read_history(cell).trials;
    REQUIRE(trials.size() == 12);
    for (std::size_t i = 4; i < trials.size(); ++i) {
      CAPTURE(i);
      CHECK(known_outcomes(cell, i) == i + 1 - static_cast<std::size_t>(parallel));
      std::vector<TrialRecord> before(trials.begin(),
                                      trials.begin() + static_cast<std::ptrdiff_t>(i));
      CHECK(propose_trial(cell, before)->lambda == trials[i].lambda);
      for (std::size_t k = known_outcomes(cell, i); k < i; ++k) {  // whatever became of these
        before[k].objective = k % 2 == 0 ? -1e3 : kUnknown;
        before[k].status = k % 2 == 0 ? train::Status::ok : train::Status::diverged;
      }
      const auto same = propose_trial(cell, before);
      CHECK(same->lambda == trials[i].lambda);
      CHECK(same->proposal.acquisition_value == trials[i].proposal.acquisition_value);
      before[known_outcomes(cell, i) - 1].objective = -1e3;
      CHECK(propose_trial(cell, before)->proposal.mean != trials[i].proposal.mean);
      // It keeps away from what is under way.
      for (std::size_t k = 0; k < i; ++k) CHECK(trials[k].lambda != trials[i].lambda);
    }
  }
}

TEST_CASE("side by side, by any number of workers and processes, the same journals") {
  const Folder folder;
  for (const int parallel : {2, 5}) {
    CAPTURE(parallel);
    spec::Spec spec = with_parallel(folder.path / std::to_string(parallel), parallel);
    FakeTrainer trainer;
    REQUIRE(run_all(spec, trainer).errors.empty());
    const std::size_t distinct = trainer.distinct.size();
    const Summary many = check_workers_and_shards(spec, trainer);
    CHECK(many.errors.empty());
    CHECK(many.trials_done == many.trials);
    CHECK(trainer.distinct.size() == distinct);  // none is trained that one worker would not train
    for (const Cell& cell : list_cells(spec)) {
      CHECK_FALSE(std::filesystem::exists(cell_folder(cell) / "ahead"));
    }
    spec.outer.pruning = "halving";
    spec.runs_root /= "pruned";
    REQUIRE(run_all(spec, trainer).errors.empty());
    CHECK(check_workers_and_shards(spec, trainer).pruned > 0);
  }
}

TEST_CASE("workers without a cell of their own take trials of another's, parallel at once") {
  for (const int parallel : {1, 3}) {
    CAPTURE(parallel);
    const Folder folder;
    const spec::Spec spec = alone(folder.path, parallel);
    FakeTrainer trainer;
    Meeting meeting(trainer, parallel);
    RunOptions options;
    options.workers = 6;
    const Summary summary = run_all(spec, trainer, options);
    CHECK(summary.errors.empty());
    CHECK(summary.trials_done == 12);
    CHECK(trainer.calls == 12);
    CHECK(meeting.most == parallel);
  }
}

TEST_CASE("what fails beside a search is tried again in its turn") {
  const Folder folder;
  const spec::Spec spec = alone(folder.path, 3);
  FakeTrainer trainer;
  std::atomic<int> refusals = 4;
  trainer.disturb = [&](const RunRequest&, RunRecord&) {
    if (--refusals >= 0) throw std::runtime_error("no memory");
  };
  RunOptions options;
  options.workers = 3;
  for (int call = 0; call < 5; ++call) {  // each error of a turn ends a call
    if (run_all(spec, trainer, options).errors.empty()) break;
  }
  const Summary again = survey(spec, options);
  CHECK(again.cells_done == 1);
  CHECK(again.trials_done == 12);
  CHECK(again.failed == 0);
}

TEST_CASE("a budget that ends a search takes no more trials than one worker would make") {
  const Folder folder;
  spec::Spec spec = alone(folder.path, 4);
  spec.outer.budget = spec::BudgetLimit{700.0, spec::BudgetUnit::examples};
  FakeTrainer trainer;
  REQUIRE(run_all(spec, trainer).errors.empty());
  CHECK(check_workers_and_shards(spec, trainer).errors.empty());
}
