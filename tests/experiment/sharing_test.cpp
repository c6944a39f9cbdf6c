#include <doctest/doctest.h>

#include <atomic>
#include <optional>
#include <set>

#include "experiment/lease.hpp"
#include "experiment/run.hpp"
#include "fake_trainer.hpp"

// What cells, threads and processes share: who waits for whom, and which runs will be asked for.

using namespace runner;
using namespace runner::experiment;
using spec::Search;

TEST_CASE("a cell that another works on is waited for while others are done") {
  const Folder folder;
  const spec::Spec spec = fake_spec(folder.path, {method("swa", Search::none, "swa")});
  FakeTrainer trainer;
  std::string holder;
  std::optional<Lease> lease = Lease::take(cell_folder(list_cells(spec)[0]) / "owner.json", holder);
  int done = 0;
  const Summary summary = run(spec, trainer, {},
                              {.on_progress =
                                   [&](const Event& event) {
                                     if (event.kind == Event::Kind::cell && ++done == 3)
                                       lease.reset();
                                   },
                               .should_stop = {}});
  CHECK(summary.cells_done == 4);
  CHECK(summary.errors.empty());
}

TEST_CASE("a run that another trains is waited for, and a stop ends the waiting") {
  const Folder folder;
  const spec::Spec spec = fake_spec(folder.path, {method("swa", Search::none, "swa")});
  FakeTrainer trainer;
  std::atomic<int> refusals = 0;
  trainer.disturb = [&](const RunRequest& request, RunRecord&) {
    if (request.task == "RTE" && refusals++ < 3) throw Busy{"process 1 on elsewhere"};
  };
  std::vector<std::string> waits;
  const Summary summary = run(spec, trainer, {},
                              {.on_progress =
                                   [&](const Event& event) {
                                     if (event.kind == Event::Kind::waiting)
                                       waits.push_back(event.message);
                                   },
                               .should_stop = {}});
  CHECK(summary.cells_done == 4);
  REQUIRE(!waits.empty());
  CHECK(waits[0] == "RTE/swa/seed0 waits for process 1 on elsewhere");

  const Folder never;
  spec::Spec other = spec;
  other.runs_root = never.path;
  trainer.disturb = [](const RunRequest&, RunRecord&) { throw Busy{"process 1 on elsewhere"}; };
  std::atomic<int> questions = 0;
  CHECK(
      run(other, trainer, {}, {.on_progress = {}, .should_stop = [&] { return questions++ > 40; }})
          .interrupted);
}

TEST_CASE("two processes on one run share its cells, and both see all of them done") {
  const Folder one, two;
  FakeTrainer trainer;
  spec::Spec spec = fake_spec(one.path, several());
  run_all(spec, trainer);
  const std::string expected = everything(spec);
  spec.runs_root = two.path;
  check_processes([&](int) {
    FakeTrainer own;
    const Summary summary = run_all(spec, own);
    return summary.cells_done == 20 && summary.trials_done == summary.trials;
  });
  CHECK(everything(spec) == expected);
}

TEST_CASE("the forecast names the runs that unfinished cells will ask for") {
  const Folder folder;
  spec::Spec spec = fake_spec(folder.path, several());
  spec.tasks.resize(1);
  spec.seeds = {0};
  FakeTrainer trainer;
  trainer.foresee = true;
  CHECK(run_all(spec, trainer).cells_done == 5);
  // One run each of two cells, 5 restarts and Sobol points each, and the search's start design
  // of 3.
  CHECK(trainer.foreseen.front() == 1 + 1 + 5 + 5 + 3);
  CHECK(trainer.foreseen.back() == 1);
  CHECK(trainer.surprises == 0);  // the first of them is asked for: its cell is the first not done
  CHECK_FALSE(trainer.wanted);
}

TEST_CASE("cells that take another's trials wait for them, and follow when those become more") {
  const Folder folder;
  spec::Method again = method("refuse(swa)", Search::refuse, "swa");
  spec::Method sure = method("confirm(bo(logei))", Search::confirm, "best");
  again.of = sure.of = "bo(logei)";
  // Listed before their donor: the order of cells does not matter.
  spec::Spec spec =
      fake_spec(folder.path, {again, sure, method("bo", Search::bo, "best", "logei")});
  spec.confirm = 3;
  FakeTrainer trainer;
  RunOptions three;
  three.workers = 3;
  const Summary first = run(spec, trainer, three, {});
  CHECK(first.cells_done == 3 * 4);
  CHECK(first.trials == (5 + 3 + 5) * 4);
  CHECK(first.errors.empty());
  const auto check_all = [&] {
    for (const spec::TaskEntry& task : spec.tasks) {
      for (const std::uint64_t seed : spec.seeds) {
        const auto trials = [&](std::size_t i) {
          return read_history({&spec, &task, &spec.methods[i], seed}).trials;
        };
        const auto refused = trials(0), confirmed = trials(1), donated = trials(2);
        REQUIRE(refused.size() == donated.size());
        for (std::size_t i = 0; i < donated.size(); ++i) {
          CHECK(refused[i].lambda == donated[i].lambda);
          CHECK(refused[i].run_seed == donated[i].run_seed);
        }
        REQUIRE(confirmed.size() == 3);
        std::set<std::uint64_t> seeds{seed};
        for (const TrialRecord& trial : confirmed) {
          seeds.insert(trial.run_seed);
          CHECK(trial.lambda == donated[static_cast<std::size_t>(best_trial(donated))].lambda);
        }
        CHECK(seeds.size() == 4);
      }
    }
  };
  check_all();
  spec.outer.trials = 12;
  const Summary second = run(spec, trainer, three, {});
  CHECK(second.cells_done == second.cells);
  CHECK(second.errors.empty());
  check_all();
  CHECK(run(spec, trainer, {}, {}).trials_before == (12 + 3 + 12) * 4);
}
