#include "experiment/run.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <set>

#include "fake_trainer.hpp"
#include "io/error.hpp"
#include "io/file.hpp"

using namespace runner;
using namespace runner::experiment;
using spec::Search;

TEST_CASE("every cell runs once; a second call does nothing") {
  const Folder folder;
  const spec::Spec spec = fake_spec(folder.path, several());
  FakeTrainer trainer;
  const Summary first = run_all(spec, trainer);
  CHECK(first.cells == 5 * 2 * 2);
  CHECK(first.cells_done == first.cells);
  CHECK(first.trials == (1 + 1 + 5 + 5 + 5) * 4);
  CHECK(first.trials_done == first.trials);
  CHECK(first.trials_before == 0);
  CHECK(first.errors.empty());
  CHECK(trainer.calls == first.trials);
  // fine_tune, swa and the first restart are one run; the searches share their start design.
  CHECK(trainer.distinct.size() <= static_cast<std::size_t>((5 + 3 + 2 + 2) * 4));
  const std::string before = everything(spec);

  const Summary second = run_all(spec, trainer);
  CHECK(second.trials_before == second.trials);
  CHECK(second.cells_done == second.cells);
  CHECK(trainer.calls == first.trials);
  CHECK(everything(spec) == before);
  CHECK(std::filesystem::exists(folder.path / "fake/cells/CoLA/bilevel_ei_ucb/seed7/result.json"));
  CHECK_FALSE(
      std::filesystem::exists(folder.path / "fake/cells/CoLA/bilevel_ei_ucb/seed7/owner.json"));
}

TEST_CASE("four workers and any shards leave what one process leaves") {
  const Folder one;
  FakeTrainer trainer;
  const spec::Spec spec = fake_spec(one.path, several());
  run_all(spec, trainer);
  CHECK(check_workers_and_shards(spec, trainer).cells_done == 20);
}

TEST_CASE("shards part the cells, and keep those of a task and seed together while they can") {
  const spec::Spec spec = fake_spec("unused", several());  // 4 groups of 5 cells
  for (const int shards : {1, 2, 3, 4, 5, 8, 20, 33}) {
    std::map<std::string, int> owner;
    std::map<std::pair<std::string, std::uint64_t>, std::set<int>> of_group;
    for (int shard = 0; shard < shards; ++shard) {
      for (const Cell& cell : cells_of_shard(spec, shard, shards)) {
        CHECK(owner.emplace(cell_name(cell), shard).second);
        of_group[{cell.task->task.name, cell.seed}].insert(shard);
      }
    }
    CHECK(owner.size() == 20);
    if (shards > 4) continue;
    for (const auto& [group, used] : of_group) CHECK(used.size() == 1);
  }
  CHECK_THROWS_AS(cells_of_shard(spec, 2, 2), InputError);
  CHECK_THROWS_AS(cells_of_shard(spec, -1, 2), InputError);
}

TEST_CASE("killed after any append, the same trial goes on and the result is the same") {
  const std::vector<spec::Method> methods = {pairs()[0],
                                             method("random_search", Search::random, "last")};
  const Folder whole;
  spec::Spec spec = fake_spec(whole.path, methods);
  spec.tasks.resize(1);
  spec.seeds = {0};
  FakeTrainer trainer;
  int appends = 0;
  const auto count = [&](const Event& event) { appends += is_append(event) ? 1 : 0; };
  run(spec, trainer, {}, {.on_progress = count, .should_stop = {}});
  const std::string expected = everything(spec);
  REQUIRE(appends >= 5 * 6 + 5);

  for (int kill_at = 1; kill_at <= appends; ++kill_at) {
    const Folder folder;
    spec.runs_root = folder.path;
    run_killed(spec, kill_at, is_append);
    FakeTrainer again;
    CHECK(run_all(spec, again).cells_done == 2);
    REQUIRE(everything(spec) == expected);
  }
}

TEST_CASE("stopped at any question, the run says so and goes on later to the same result") {
  const Folder whole;
  spec::Spec spec = fake_spec(whole.path, {pairs()[0]});
  spec.tasks.resize(1);
  spec.seeds = {0};
  FakeTrainer trainer;
  run_all(spec, trainer);
  const std::string expected = everything(spec);
  for (int limit = 0; limit < 60; limit += 7) {
    const Folder folder;
    spec.runs_root = folder.path;
    std::atomic<int> questions = 0;
    const auto stop = [&] { return questions++ >= limit; };
    const Summary summary = run(spec, trainer, {}, {.on_progress = {}, .should_stop = stop});
    CHECK(summary.interrupted == (summary.cells_done == 0));
    run_all(spec, trainer);
    REQUIRE(everything(spec) == expected);
  }
}

TEST_CASE("more trials later are the trials that more would have been at once") {
  const Folder at_once, later;
  spec::Spec spec = fake_spec(at_once.path, several());
  FakeTrainer trainer;
  spec.outer.trials = 7;
  run_all(spec, trainer);
  const std::string expected = everything(spec);
  spec.runs_root = later.path;
  spec.outer.trials = 5;
  run_all(spec, trainer);
  spec.outer.trials = 7;
  const Summary summary = run_all(spec, trainer);
  CHECK(summary.trials_before == (1 + 1 + 5 + 5 + 5) * 4);
  CHECK(summary.trials_done == (1 + 1 + 7 + 7 + 7) * 4);
  CHECK(everything(spec) == expected);
}

TEST_CASE("whatever the number of trials becomes, the one that is chosen has its predictions") {
  const Folder folder;
  spec::Spec spec = fake_spec(folder.path, several());
  spec.outer.trials = 7;
  FakeTrainer trainer;
  run_all(spec, trainer);
  int kept = 0, dropped = 0;
  for (const Cell& cell : list_cells(spec)) {
    const std::vector<TrialRecord> trials = read_history(cell).trials;
    for (std::size_t n = 1; n <= trials.size(); ++n) {
      const auto best = static_cast<std::size_t>(best_trial(std::span(trials).first(n)));
      REQUIRE(trials[best].evaluation.predictions.size() == 1);
      CHECK(trials[best].evaluation.predictions[0].predicted.size() == FakeRun::kReport);
      (trials[n - 1].evaluation.predictions.empty() ? dropped : kept) += 1;
    }
  }
  CHECK(kept > 4 * 5);
  CHECK(dropped > 0);
}

TEST_CASE("fewer trials than were done before are what fewer would have been at once") {
  const Folder at_once, later;
  spec::Spec spec = fake_spec(at_once.path, several());
  FakeTrainer trainer;
  run_all(spec, trainer);
  const std::string expected = everything(spec);
  spec.runs_root = later.path;
  spec.outer.trials = 7;
  run_all(spec, trainer);
  const std::string longer = everything(spec);
  spec.outer.trials = 5;
  CHECK(survey(spec, {}).cells_done < 20);  // results name what was chosen of 7
  const int calls = trainer.calls;
  const Summary summary = run_all(spec, trainer);
  CHECK(summary.trials == (1 + 1 + 5 + 5 + 5) * 4);
  CHECK(summary.trials_done == summary.trials);
  CHECK(summary.trials_before == summary.trials);
  CHECK(everything(spec) == expected);
  for (const Cell& cell : list_cells(spec)) {
    CHECK(io::read_file(cell_folder(cell) / "result.json") == result_of(cell, read_history(cell)));
  }
  spec.outer.trials = 7;
  run_all(spec, trainer);
  CHECK(everything(spec) == longer);  // nothing was lost
  CHECK(trainer.calls == calls);
}

TEST_CASE("an error of the machine costs its cells alone, and the same call goes on with them") {
  const Folder folder;
  const spec::Spec spec = fake_spec(folder.path, several());
  FakeTrainer trainer;
  trainer.disturb = [](const RunRequest& request, RunRecord&) {
    if (request.task == "RTE" && request.seed == 7) throw std::runtime_error("cable pulled");
  };
  const Summary failing = run_all(spec, trainer);
  CHECK(failing.cells_done == failing.cells - 5);
  CHECK(failing.failed == 0);
  REQUIRE(failing.errors.size() == 5);
  CHECK(failing.errors[0] == "RTE/fine_tune/seed7: cable pulled");

  trainer.disturb = nullptr;
  trainer.calls = 0;
  const Summary mended = run_all(spec, trainer);
  CHECK(mended.cells_done == mended.cells);
  CHECK(trainer.calls == 1 + 1 + 5 + 5 + 5);
  const Folder healthy;
  spec::Spec other = spec;
  other.runs_root = healthy.path;
  run_all(other, trainer);
  CHECK(everything(spec) == everything(other));
}

TEST_CASE("trials without a result are counted") {
  const Folder folder;
  const spec::Spec spec = fake_spec(folder.path, {method("swa", Search::none, "swa")});
  FakeTrainer trainer;
  trainer.disturb = [](const RunRequest&, RunRecord& record) {
    record.status = train::Status::diverged;
  };
  const Summary summary = run_all(spec, trainer);
  CHECK(summary.cells_done == 4);
  CHECK(summary.failed == 4);
  CHECK(survey(spec, {}).failed == 4);
}

TEST_CASE("what the user must mend stops its cell, is reported once and costs no other cell") {
  const Folder folder;
  const spec::Spec spec = fake_spec(folder.path, several());
  FakeTrainer trainer;
  trainer.disturb = [](const RunRequest& request, RunRecord&) {
    if (request.task == "CoLA") throw InputError("CoLA/train.tsv: cannot read");
  };
  const Summary summary = run_all(spec, trainer);
  CHECK(summary.cells_done == 10);
  REQUIRE(summary.errors.size() == 10);
  CHECK(summary.errors[0] == "CoLA/fine_tune/seed0: CoLA/train.tsv: cannot read");
  trainer.disturb = nullptr;
  CHECK(run_all(spec, trainer).cells_done == 20);
}

TEST_CASE("once nothing can be written no other cell begins") {
  const Folder folder;
  const spec::Spec spec = fake_spec(folder.path, several());
  FakeTrainer trainer;
  trainer.disturb = [](const RunRequest&, RunRecord&) { throw WriteError("store: disk full"); };
  const Summary summary = run_all(spec, trainer);
  CHECK(trainer.calls == 1);
  REQUIRE(summary.errors.size() == 1);
  CHECK(summary.errors[0].ends_with(": store: disk full; nothing more is begun"));
  trainer.disturb = nullptr;
  CHECK(run_all(spec, trainer).cells_done == 20);
}

TEST_CASE("fail-fast stops at the first run without a result") {
  const Folder folder;
  const spec::Spec spec = fake_spec(folder.path, several());
  FakeTrainer trainer;
  trainer.disturb = [](const RunRequest&, RunRecord& record) {
    record.status = train::Status::diverged;
  };
  RunOptions options;
  options.fail_fast = true;
  const Summary summary = run_all(spec, trainer, options);
  CHECK(trainer.calls == 1);
  CHECK(summary.trials_done == 1);
  CHECK_FALSE(summary.interrupted);
}

TEST_CASE("--only takes a part of a name or a glob, and must match a cell") {
  const Folder folder;
  const spec::Spec spec = fake_spec(folder.path, several());
  FakeTrainer trainer;
  RunOptions options;
  options.only = "RTE/swa";
  CHECK(run_all(spec, trainer, options).cells == 2);
  options.only = "*/bilevel*/seed7";
  CHECK(run_all(spec, trainer, options).cells == 2);
  options.shards = 4;  // of which two have no such cell
  int cells = 0;
  for (options.shard = 0; options.shard < 4; ++options.shard) {
    cells += run_all(spec, trainer, options).cells;
  }
  CHECK(cells == 2);
  options.only = "MRPC";
  CHECK_THROWS_WITH_AS(run_all(spec, trainer, options), doctest::Contains("RTE/swa/seed7"),
                       InputError);
}

TEST_CASE("cells go seed by seed, in each task by task") {
  const Folder folder;
  const spec::Spec spec = fake_spec(folder.path, several());
  FakeTrainer trainer;
  std::vector<std::string> order;
  run(spec, trainer, {},
      {.on_progress =
           [&](const Event& event) {
             if (event.kind == Event::Kind::cell) order.push_back(event.cell);
           },
       .should_stop = {}});
  REQUIRE(order.size() == 20);
  CHECK(order[0] == "RTE/fine_tune/seed0");
  CHECK(order[4] == "RTE/bilevel(ei,ucb)/seed0");
  CHECK(order[5] == "CoLA/fine_tune/seed0");
  CHECK(order[10] == "RTE/fine_tune/seed7");
}

TEST_CASE("a damaged journal is named, and what it lost is made again") {
  const Folder folder;
  const spec::Spec spec = fake_spec(folder.path, {pairs()[0]});
  FakeTrainer trainer;
  run_all(spec, trainer);
  const std::string expected = everything(spec);
  const Cell cell = list_cells(spec)[2];
  const auto path = cell_folder(cell) / "journal.jsonl";
  std::string bytes = io::read_file(path);
  bytes[bytes.find('\n') + 60] ^= 1;
  io::write_file_atomic(path, bytes);
  std::vector<std::string> warnings;
  const Summary summary = run(spec, trainer, {},
                              {.on_progress =
                                   [&](const Event& event) {
                                     if (event.kind == Event::Kind::warning)
                                       warnings.push_back(event.message);
                                   },
                               .should_stop = {}});
  CHECK(summary.cells_done == 4);
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("journal.jsonl:2: this line was changed") != std::string::npos);
  CHECK(everything(spec) == expected);

  // One that cannot be read at all is an error of its cell alone.
  io::write_file_atomic(path, io::read_file(cell_folder(list_cells(spec)[0]) / "journal.jsonl"));
  const Summary foreign = run_all(spec, trainer);
  CHECK(foreign.cells_done == 3);
  REQUIRE(foreign.errors.size() == 1);
  CHECK(foreign.errors[0].find("the journal of") != std::string::npos);
}

TEST_CASE("a result that someone changed is written again") {
  const Folder folder;
  const spec::Spec spec = fake_spec(folder.path, {method("swa", Search::none, "swa")});
  FakeTrainer trainer;
  run_all(spec, trainer);
  const auto path = cell_folder(list_cells(spec)[1]) / "result.json";
  const std::string whole = io::read_file(path);
  io::write_file_atomic(path, whole.substr(1));
  CHECK(run_all(spec, trainer).cells_done == 4);
  CHECK(io::read_file(path) == whole);
}

TEST_CASE("no part of a run may be a link to elsewhere") {
  const Folder folder, elsewhere;
  const spec::Spec spec = fake_spec(folder.path, {method("swa", Search::none, "swa")});
  FakeTrainer trainer;
  std::filesystem::create_directories(run_folder(spec) / "cells");
  std::filesystem::create_directory_symlink(elsewhere.path, run_folder(spec) / "cells" / "RTE");
  const Summary summary = run_all(spec, trainer);
  CHECK(summary.cells_done == 2);
  REQUIRE(summary.errors.size() == 2);
  CHECK(summary.errors[0].find("cells/RTE: is a link") != std::string::npos);
  CHECK(std::filesystem::is_empty(elsewhere.path));
}

TEST_CASE("a run of which no mix has a finite loss has diverged; what was asked of it is charged") {
  class WithoutLoss : public FakeRun {
   public:
    using FakeRun::FakeRun;
    double fusion_loss(std::span<const double> alpha, int rows,
                       train::Precision precision) override {
      return FakeRun::fusion_loss(alpha, rows, precision) + std::nan("");
    }
  };
  class Diverging : public FakeTrainer {
    std::unique_ptr<TrainedRun> train(const RunRequest& request, const Watch&) override {
      return std::make_unique<WithoutLoss>(request);
    }
  } trainer;
  const Folder folder;
  const spec::Spec spec =
      fake_spec(folder.path, {method("bo_fusion", Search::none, "bo", "", "ei")});
  const Summary summary = run(spec, trainer, {}, {});
  CHECK(summary.errors.empty());
  CHECK(summary.failed == summary.trials);
  const TrialRecord trial = read_history(list_cells(spec)[0]).trials.at(0);
  CHECK(trial.status == train::Status::diverged);
  CHECK(trial.why == "no fusion of the snapshots has a finite value");
  CHECK(trial.inner_evaluations > 0);
  CHECK(trial.budget.examples > 100);  // of which 100 are the training's
}
