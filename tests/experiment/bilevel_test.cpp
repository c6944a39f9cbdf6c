#include "experiment/bilevel.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <new>
#include <numeric>
#include <set>

#include "fake_trainer.hpp"
#include "fusion/rules.hpp"
#include "io/error.hpp"

using namespace runner;
using namespace runner::experiment;
using spec::Search;

namespace {

// Runs a cell to its end without any file.
std::vector<TrialRecord> run_cell(const Cell& cell, Trainer& trainer,
                                  std::vector<InnerRecord>* all_inner = nullptr) {
  std::vector<TrialRecord> history;
  while (auto proposed = propose_trial(cell, history)) {
    TrialSinks sinks;
    sinks.on_inner = [&](const InnerRecord& record) {
      if (all_inner != nullptr) all_inner->push_back(record);
    };
    auto record = run_trial(cell, *std::move(proposed), {}, trainer, sinks);
    REQUIRE(record.has_value());
    history.push_back(*std::move(record));
  }
  return history;
}

Cell cell_of(const spec::Spec& spec, std::size_t method, std::size_t task = 0,
             std::uint64_t seed = 0) {
  return {&spec, &spec.tasks[task], &spec.methods[method], seed};
}

}  // namespace

TEST_CASE("all four pairs and random search share the start design") {
  std::vector<spec::Method> methods = pairs();
  methods.push_back(method("random_search", Search::random, "best"));
  const spec::Spec spec = fake_spec("unused", methods);
  FakeTrainer trainer;
  const auto first = run_cell(cell_of(spec, 0), trainer);
  REQUIRE(first.size() == 5);
  for (std::size_t i = 1; i < spec.methods.size(); ++i) {
    const auto other = run_cell(cell_of(spec, i), trainer);
    REQUIRE(other.size() == 5);
    for (std::size_t t = 0; t < 3; ++t) {
      CHECK(other[t].lambda == first[t].lambda);
      CHECK(other[t].run_seed == 0);
    }
  }
  CHECK(first[0].proposal.source == "recipe");
  CHECK(first[0].lambda.at(0).second == spec.tasks[0].recipe.train.lr);
  CHECK(first[0].lambda.at(1).second == 1.0);  // 16 of 8, 16, 32
  // 3 shared runs; then each of the five methods can add at most its own 2.
  CHECK(trainer.calls == 25);
  CHECK(trainer.distinct.size() <= 3 + 5 * 2);
  const auto elsewhere = run_cell(cell_of(spec, 0, 0, 7), trainer);
  CHECK(elsewhere[0].lambda == first[0].lambda);  // the recipe
  CHECK(elsewhere[1].lambda != first[1].lambda);
}

TEST_CASE("random search draws distinct points and never asks a model") {
  const spec::Spec spec = fake_spec("unused", {method("random_search", Search::random, "last")});
  FakeTrainer trainer;
  std::set<double> rates;
  for (const TrialRecord& trial : run_cell(cell_of(spec, 0), trainer)) {
    rates.insert(trial.lambda.at(0).second);
    CHECK(trial.proposal.fit.lengthscales.empty());
  }
  CHECK(rates.size() == 5);
}

TEST_CASE("restarts begin with the recipe's own run and then take fresh seeds") {
  const spec::Spec spec = fake_spec("unused", {method("fine_tune", Search::none, "last"),
                                               method("restarts", Search::restarts, "last")});
  FakeTrainer trainer;
  const auto plain = run_cell(cell_of(spec, 0), trainer);
  const auto restarts = run_cell(cell_of(spec, 1), trainer);
  REQUIRE(plain.size() == 1);
  REQUIRE(restarts.size() == 5);
  CHECK(restarts[0].run_seed == plain[0].run_seed);
  CHECK(restarts[0].objective == plain[0].objective);
  std::set<std::uint64_t> seeds;
  for (const TrialRecord& trial : restarts) seeds.insert(trial.run_seed);
  CHECK(seeds.size() == 5);
}

TEST_CASE("a grid is as even as its variables allow and no larger than it may be") {
  bo::Space space;
  space.variables.resize(3);
  space.variables[0].low = 1e-6;
  space.variables[0].high = 1e-2;
  space.variables[0].log = true;
  space.variables[1].type = bo::Type::choice;
  space.variables[1].values = {"a", "b"};
  space.variables[2].low = space.variables[2].high = 0.5;  // a constant
  CHECK(make_grid(space, 1).size() == 1);
  CHECK(make_grid(space, 4).size() == 4);
  CHECK(make_grid(space, 7).size() == 6);  // 3 x 2 x 1
  const auto grid = make_grid(space, 9);   // 4 x 2 x 1
  REQUIRE(grid.size() == 8);
  CHECK(std::log10(grid[0][0]) == doctest::Approx(-5.5));
  CHECK(std::log10(grid[7][0]) == doctest::Approx(-2.5));
  CHECK(grid[0][1] == 0.0);
  CHECK(grid[1][1] == 1.0);
  CHECK(grid[3][2] == 0.5);
  std::set<bo::Point> distinct(grid.begin(), grid.end());
  CHECK(distinct.size() == 8);
}

TEST_CASE("a searched variable that does not exist in a trial keeps the recipe's value") {
  spec::Spec spec =
      fake_spec("unused", {method("random_search", Search::random, "last"),
                           method("bo", Search::bo, "last"), method("grid", Search::grid, "last")});
  spec.methods[1].outer = "logei";
  spec.outer.trials = 12;
  bo::Variable schedule, warmup;
  schedule.name = "schedule";
  schedule.type = bo::Type::choice;
  schedule.values = {"linear", "constant"};
  warmup.name = "warmup";
  warmup.low = 0.3;
  warmup.high = 0.4;
  warmup.when = {{0, {0.0}}};
  spec.search = {schedule, warmup};
  spec::Trial& recipe = spec.tasks[0].recipe;
  recipe.train.schedule = train::Schedule::constant;
  recipe.train.warmup = 0.1;  // outside of what is searched, and not searched at the recipe
  for (std::size_t m = 0; m < spec.methods.size(); ++m) {
    FakeTrainer trainer;
    const Cell cell = cell_of(spec, m);
    int linear = 0, constant = 0;
    for (const TrialRecord& trial : run_cell(cell, trainer)) {
      const spec::Trial chosen = settings(cell, trial);
      const bool exists = chosen.train.schedule == train::Schedule::linear;
      CHECK(existing(cell, trial) == std::vector<bool>{true, exists});
      ++(exists ? linear : constant);
      if (exists) {
        CHECK(chosen.train.warmup >= 0.3);
        CHECK(chosen.train.warmup <= 0.4);
      } else {
        CHECK(chosen.train.warmup == 0.1);
      }
    }
    CHECK(linear > 0);
    CHECK(constant > 0);
    if (m == 2) CHECK(constant == 1);  // of the grid's points without warm-up one is enough
  }
}

TEST_CASE("a grid search visits every point once") {
  const spec::Spec spec = fake_spec("unused", {method("grid", Search::grid, "last")});
  FakeTrainer trainer;
  const auto trials = run_cell(cell_of(spec, 0), trainer);
  CHECK(trials.size() == 5);  // the recipe, and 2 learning rates x 2 batch sizes
  CHECK(trials[0].proposal.source == "recipe");
  CHECK(trials[1].proposal.source == "grid");
  CHECK(trainer.distinct.size() == 5);
}

TEST_CASE("every search's first run is fine_tune's, and known good settings come right after it") {
  const std::vector<spec::Method> methods = {
      method("fine_tune", Search::none, "last"), method("random_search", Search::random, "last"),
      method("grid", Search::grid, "last"), method("bo", Search::bo, "last", "logei")};
  spec::Spec spec = fake_spec("unused", methods);
  const double none = std::nan("");
  spec.outer.starts = {{3e-5, none}, {2e-5, 1.0}, {none, 2.0}};  // the second is the recipe
  FakeTrainer trainer;
  const auto plain = run_cell(cell_of(spec, 0), trainer);
  const auto random = run_cell(cell_of(spec, 1), trainer);
  const auto grid = run_cell(cell_of(spec, 2), trainer);
  const auto bo = run_cell(cell_of(spec, 3), trainer);
  for (const auto& trials : {random, grid, bo}) {
    CHECK(trials[0].objective == plain[0].objective);
    CHECK(trials[0].run_seed == plain[0].run_seed);
    CHECK(trials[static_cast<std::size_t>(best_trial(trials))].objective <= plain[0].objective);
  }
  CHECK(trainer.distinct.size() <= 1 + 4 + 4 + 4);
  for (const auto& trials : {random, bo}) {
    CHECK(trials[1].proposal.source == "start");
    CHECK(trials[1].lambda ==
          std::vector<std::pair<std::string, double>>{{"lr", 3e-5}, {"batch_size", 1.0}});
    CHECK(trials[2].lambda ==
          std::vector<std::pair<std::string, double>>{{"lr", 2e-5}, {"batch_size", 2.0}});
  }
  CHECK(random[3].proposal.source == "sobol");
  // Four are known, of which one twice: no more of the start design, whatever initial says.
  CHECK(bo[3].proposal.source == "sobol");
  CHECK(bo[4].proposal.source == "logei");
}

TEST_CASE("the inner loop starts from known fusions and is never worse than any of them") {
  const spec::Spec spec = fake_spec("unused", {method("bo_fusion", Search::none, "bo", "", "ucb")});
  FakeTrainer trainer;
  std::vector<InnerRecord> inner;
  const auto trials = run_cell(cell_of(spec, 0), trainer, &inner);
  REQUIRE(trials.size() == 1);
  REQUIRE(inner.size() == 8);  // fusion.evaluations, starts included
  CHECK(trials[0].inner_evaluations == 8);
  const auto starts = fusion::inner_starts(3, fusion::Precision::fp32);
  double best = inner[0].loss;
  for (std::size_t i = 0; i < inner.size(); ++i) {
    if (i < starts.size()) CHECK(inner[i].alpha == starts[i]);
    CHECK(std::accumulate(inner[i].alpha.begin(), inner[i].alpha.end(), 0.0) ==
          doctest::Approx(1.0));
    CHECK(inner[i].incumbent == (i == 0 || inner[i].loss < best));
    best = std::min(best, inner[i].loss);
  }
  CHECK(trials[0].fusion_loss == best);
  // 100 of training, 8 x 16 of the inner loop, 20 of the evaluation.
  CHECK(trials[0].budget.examples == 100 + 8 * 16 + 20);
  CHECK(trials[0].budget.flops == 1e6 + 8 * 160 + 7);
  CHECK(trials[0].budget.tokens == 1000);
}

TEST_CASE("every fusion rule measures what it says") {
  const spec::Spec spec = fake_spec(
      "unused",
      {method("fine_tune", Search::none, "last"), method("swa", Search::none, "swa"),
       method("best_snapshot", Search::none, "best"), method("ema", Search::none, "ema")});
  FakeTrainer trainer;
  const auto of = [&](std::size_t i) { return run_cell(cell_of(spec, i), trainer).at(0); };
  FakeRun run({"RTE", 0, 0, spec.tasks[0].recipe.train});
  const auto score = [&](std::vector<double> alpha) { return run.evaluate(alpha).selection.score; };
  CHECK(of(0).alpha == std::vector{0.0, 0.0, 1.0});
  CHECK(of(0).objective == -score({0.0, 0.0, 1.0}));
  for (const double weight : of(1).alpha) CHECK(weight == doctest::Approx(1.0 / 3.0));
  const double best =
      std::max({score({1.0, 0.0, 0.0}), score({0.0, 1.0, 0.0}), score({0.0, 0.0, 1.0})});
  CHECK(of(2).objective == -best);
  CHECK(of(2).budget.examples == 100 + 3 * 10 + 20);
  CHECK(of(2).inner_evaluations == 3);
  CHECK(of(3).alpha.empty());
  CHECK(of(3).objective == -run.evaluate_ema().selection.score);
}

TEST_CASE("a fusion goes on from whatever a journal holds of it, to the same weights") {
  for (const fusion::Rule& rule : fusion::rules()) {
    CAPTURE(rule.name);
    const spec::Spec spec = fake_spec("unused", {method("any", Search::none, std::string(rule.name),
                                                        "", rule.name == "bo" ? "ucb" : "")});
    const Cell cell = cell_of(spec, 0);
    FakeTrainer trainer;
    std::vector<InnerRecord> all;
    TrialSinks sinks;
    sinks.on_inner = [&](const InnerRecord& record) { all.push_back(record); };
    const auto whole = run_trial(cell, *propose_trial(cell, {}), {}, trainer, sinks);
    REQUIRE(whole.has_value());
    REQUIRE(whole->status == train::Status::ok);
    CHECK(whole->inner_evaluations == static_cast<int>(all.size()));
    const std::vector<InnerRecord> journal = all;
    for (std::size_t cut = 0; cut <= journal.size(); ++cut) {
      all.assign(journal.begin(), journal.begin() + static_cast<std::ptrdiff_t>(cut));
      const auto rest = run_trial(cell, *propose_trial(cell, {}), all, trainer, sinks);
      REQUIRE(rest.has_value());
      CHECK(rest->alpha == whole->alpha);
      CHECK(rest->objective == whole->objective);
      CHECK(rest->budget.examples == whole->budget.examples);
      REQUIRE(all.size() == journal.size());
      for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i].alpha == journal[i].alpha);
    }
  }
}

TEST_CASE("a refused cell fuses its donor's runs, in turn and without training others") {
  spec::Method again = method("refuse(swa)", Search::refuse, "swa");
  again.of = "bo(logei)";
  const spec::Spec spec = fake_spec("unused", {method("bo", Search::bo, "best", "logei"), again});
  FakeTrainer trainer;
  const auto donated = run_cell(cell_of(spec, 0), trainer);
  const std::size_t trained = trainer.distinct.size();
  const Cell cell = cell_of(spec, 1);
  CHECK(planned_trials(cell) == 5);
  std::vector<TrialRecord> history;
  while (auto proposed = propose_trial(cell, history, donated)) {
    CHECK(proposed->proposal.source == "refuse");
    history.push_back(*run_trial(cell, *std::move(proposed), {}, trainer, {}));
  }
  REQUIRE(history.size() == 5);
  CHECK(trainer.distinct.size() == trained);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(history[i].lambda == donated[i].lambda);
    CHECK(history[i].run_seed == donated[i].run_seed);
    CHECK(history[i].alpha == std::vector<double>(3, 1.0 / 3));
  }
  CHECK_THROWS_WITH_AS(propose_trial(cell, {}, {}),
                       "bo(logei) has no trial 0 yet, whose run refuse(swa) would fuse again",
                       InputError);
}

TEST_CASE("a run without a result is an observation and the search goes on") {
  const spec::Spec spec = fake_spec("unused", {pairs()[0]});
  FakeTrainer trainer;
  int call = 0;
  trainer.disturb = [&](const RunRequest&, RunRecord& record) {
    switch (call++) {
      case 0:
        record.status = train::Status::diverged;
        record.why = "loss is nan at step 3";
        break;
      case 1:
        record.status = train::Status::collapsed;
        break;
    }
  };
  const auto trials = run_cell(cell_of(spec, 0), trainer);
  REQUIRE(trials.size() == 5);
  CHECK(trials[0].status == train::Status::diverged);
  CHECK(trials[0].why == "loss is nan at step 3");
  CHECK(trials[0].budget.examples == 100);
  CHECK(std::isnan(trials[0].objective));
  CHECK(trials[1].status == train::Status::collapsed);
  CHECK(std::isfinite(trials[1].objective));  // a valid low value, not a hole
  CHECK(trials[4].status == train::Status::ok);
}

TEST_CASE("an error of the machine is no record of a run") {
  const spec::Spec spec = fake_spec("unused", {pairs()[0]});
  const Cell cell = cell_of(spec, 0);
  const TrialRecord proposed = *propose_trial(cell, {});
  FakeTrainer trainer;
  trainer.disturb = [](const RunRequest&, RunRecord&) { throw std::runtime_error("no room"); };
  CHECK_THROWS_WITH_AS(run_trial(cell, proposed, {}, trainer, {}), "no room", std::runtime_error);
  trainer.disturb = [](const RunRequest&, RunRecord&) { throw std::bad_alloc(); };
  CHECK_THROWS_AS(run_trial(cell, proposed, {}, trainer, {}), std::bad_alloc);
  trainer.disturb = [](const RunRequest&, RunRecord&) { throw Busy{"process 1 on elsewhere"}; };
  CHECK_THROWS_AS(run_trial(cell, proposed, {}, trainer, {}), Busy);
}

TEST_CASE("a stop is seen wherever a trial trains or evaluates, and leaves no record") {
  const spec::Spec spec = fake_spec(
      "unused",
      {method("fine_tune", Search::none, "last"), method("best_snapshot", Search::none, "best"),
       method("ema", Search::none, "ema"), method("bo_fusion", Search::none, "bo", "", "ucb")});
  FakeTrainer trainer;
  for (std::size_t i = 0; i < spec.methods.size(); ++i) {
    CAPTURE(spec.methods[i].name);
    const Cell cell = cell_of(spec, i);
    const TrialRecord proposed = *propose_trial(cell, {});
    int questions = 0;
    REQUIRE(run_trial(cell, proposed, {}, trainer, {.watch = {.should_stop = [&] {
                                                      ++questions;
                                                      return false;
                                                    }}}));
    CHECK(questions >= 2);  // at least while training and while evaluating
    for (int stop = 1; stop <= questions; ++stop) {
      int asked = 0;
      CHECK_FALSE(run_trial(cell, proposed, {}, trainer,
                            {.watch = {.should_stop = [&] { return ++asked == stop; }}}));
      CHECK(asked == stop);
    }
  }
}

TEST_CASE("what the user can mend is not taken for a property of the run") {
  const spec::Spec spec = fake_spec("unused", {pairs()[0]});
  FakeTrainer trainer;
  trainer.disturb = [](const RunRequest&, RunRecord&) { throw InputError("dev.tsv: gone"); };
  const Cell cell = cell_of(spec, 0);
  CHECK_THROWS_WITH_AS(run_trial(cell, *propose_trial(cell, {}), {}, trainer, {}), "dev.tsv: gone",
                       InputError);
}

TEST_CASE("lambda and the method's rule are written into the recipe") {
  const spec::Spec spec = fake_spec("unused", {pairs()[0]});
  TrialRecord trial;
  trial.lambda = {{"lr", 3e-4}, {"batch_size", 2.0}};
  const spec::Trial settings = experiment::settings(cell_of(spec, 0), trial);
  CHECK(settings.train.lr == 3e-4);
  CHECK(settings.train.batch_size == 32);
  CHECK(settings.fusion.rule == "bo");
  CHECK(settings.fusion.acquisition == "ucb");
  CHECK(settings.train.snapshots == 3);
}
