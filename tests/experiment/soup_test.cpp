#include <doctest/doctest.h>

#include "experiment/bilevel.hpp"
#include "experiment/forecast.hpp"
#include "experiment/run.hpp"
#include "fake_trainer.hpp"
#include "spec/methods.hpp"

// Soups over a search's runs: cells that wait for another's trials, and follow them.

using namespace runner;
using namespace runner::experiment;
using spec::Search;

namespace {

spec::Spec with_soups(const std::filesystem::path& runs) {
  const std::vector<spec::Method> searches = {
      method("bo", Search::bo, "best", "logei"),
      method("random_search", Search::random, "bo", "", "ei")};
  std::vector<spec::Method> methods = searches;
  for (const spec::Method& search : searches) {
    for (const spec::SoupKind& kind : spec::soups()) methods.push_back(souped(search, kind));
  }
  return fake_spec(runs, methods);
}

// Runs a cell to its end without any file.
std::vector<TrialRecord> run_cell(const Cell& cell, Trainer& trainer) {
  std::vector<TrialRecord> history;
  while (auto proposed = propose_trial(cell, history)) {
    history.push_back(*run_trial(cell, *std::move(proposed), {}, trainer, {}));
  }
  return history;
}

Cell cell_of(const spec::Spec& spec, std::size_t method) {
  return {&spec, &spec.tasks[0], &spec.methods[method], 0};
}

}  // namespace

TEST_CASE("a soup mixes what its donor's runs became, chooses by one half and trains nothing") {
  const spec::Spec spec = fake_spec("unused", {pairs()[0], souped(pairs()[0], spec::soups()[0]),
                                               souped(pairs()[0], spec::soups()[1])});
  FakeTrainer trainer;
  int calls = 0;
  trainer.disturb = [&](const RunRequest&, RunRecord& record) {
    if (calls++ == 1) record.status = train::Status::diverged;  // has no model to be mixed
  };
  const auto donated = run_cell(cell_of(spec, 0), trainer);
  REQUIRE(donated.size() == 5);
  const int trained = trainer.calls;
  const auto cook = [&](std::size_t method, std::vector<InnerRecord>& inner) {
    const Cell cell = cell_of(spec, method);
    auto proposed = propose_trial(cell, {}, donated);
    REQUIRE(proposed.has_value());
    CHECK(proposed->proposal.source == "soup");
    TrialSinks sinks;
    sinks.on_inner = [&](const InnerRecord& record) { inner.push_back(record); };
    TrialRecord record = *run_trial(cell, *std::move(proposed), {}, trainer, sinks, donated);
    CHECK(has_ended(cell, {&record, 1}, donated));
    return record;
  };
  const Budget before = sum_of(donated);
  std::vector<InnerRecord> none, asked;
  const TrialRecord uniform = cook(1, none), greedy = cook(2, asked);
  CHECK(trainer.calls == trained);
  CHECK(uniform.alpha == std::vector<double>(4, 0.25));
  CHECK(none.empty());
  CHECK(uniform.budget.examples == before.examples + FakeRun::kSplit / 2 + FakeRun::kSplit);
  // Each model alone, and each but the best in turn; all that is charged.
  REQUIRE(asked.size() == 4 + 3);
  CHECK(greedy.budget.examples == uniform.budget.examples + 7 * FakeRun::kSplit / 2);
  double best_alone = 0.0, chosen = 0.0;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    if (i < 4) best_alone = std::max(best_alone, asked[i].selection_score);
    if (asked[i].alpha == greedy.alpha) chosen = asked[i].selection_score;
  }
  CHECK(chosen >= best_alone);
  CHECK(std::ranges::count_if(greedy.alpha, [](double weight) { return weight > 0.0; }) >= 2);
  CHECK(-greedy.objective != chosen);  // judged on the other half

  // Another set of trials is another soup, and none without a result.
  const auto fewer = std::span(donated).first(4);
  const Cell cell = cell_of(spec, 2);
  CHECK(agreeing_trials(cell, {&greedy, 1}, donated) == 1);
  CHECK(agreeing_trials(cell, {&greedy, 1}, fewer) == 0);
  CHECK(propose_trial(cell, {}, fewer)->run_seed != greedy.run_seed);
  CHECK_FALSE(can_take(cell, 0, fewer));  // of 5
}

TEST_CASE("soups are the same in shards, by workers and killed after any append") {
  const Folder one, many, shards;
  spec::Spec spec = with_soups(one.path);
  FakeTrainer trainer;
  const Summary summary = run_all(spec, trainer);
  CHECK(summary.errors.empty());
  CHECK(summary.cells_done == 6 * 4);
  CHECK(summary.trials == (4 * 1 + 2 * 5) * 4);
  const std::string expected = everything(spec);
  spec.runs_root = many.path;
  RunOptions options;
  options.workers = 4;
  CHECK(run_all(spec, trainer, options).errors.empty());
  CHECK(everything(spec) == expected);
  spec.runs_root = shards.path;
  for (const int shard : {5, 2, 0, 1, 4, 3}) {
    options = {};
    options.shard = shard;
    options.shards = 6;
    CHECK(run_all(spec, trainer, options).errors.empty());
  }
  CHECK(everything(spec) == expected);

  spec::Spec small = spec;
  small.tasks.resize(1);
  small.seeds = {0};
  small.methods = {spec.methods[1], spec.methods[5]};  // random_search and its greedy soup
  const Folder whole;
  small.runs_root = whole.path;
  run_all(small, trainer);
  const std::string small_expected = everything(small);
  const int appends = 5 * 8 + 5 + 5 + 4 + 1;
  for (int kill_at = 5 * 8 + 5; kill_at <= appends; ++kill_at) {
    const Folder folder;
    small.runs_root = folder.path;
    run_killed(small, kill_at, is_append);
    CHECK(run_all(small, trainer).cells_done == 2);
    REQUIRE(everything(small) == small_expected);
  }
}

TEST_CASE("a soup follows when its search is given more trials, or fewer") {
  const auto of_one_task = [](const Folder& folder) {
    spec::Spec spec = with_soups(folder.path);
    spec.tasks.resize(1);
    spec.seeds = {0};
    return spec;
  };
  const auto at_once = [&](int trials) {
    const Folder folder;
    spec::Spec spec = of_one_task(folder);
    spec.outer.trials = trials;
    FakeTrainer trainer;
    run_all(spec, trainer);
    return everything(spec);
  };
  const Folder folder;
  spec::Spec spec = of_one_task(folder);
  FakeTrainer trainer;
  for (const int trials : {5, 8, 4}) {
    // Stopped in the middle of a soup of other ingredients.
    int inner = 0;
    const auto stop = [&] { return inner > 1; };
    const auto see = [&](const Event& event) {
      inner += event.kind == Event::Kind::inner && event.cell.find("greedy") == 4 ? 1 : 0;
    };
    spec.outer.trials = trials + 3;
    CHECK(run(spec, trainer, {}, {.on_progress = see, .should_stop = stop}).interrupted);
    spec.outer.trials = trials;
    CHECK(run_all(spec, trainer).errors.empty());
    CHECK(everything(spec) == at_once(trials));
  }
}

TEST_CASE("a soup of a search without a result is said to be impossible") {
  const Folder folder;
  const spec::Spec spec = with_soups(folder.path);
  FakeTrainer trainer;
  trainer.disturb = [](const RunRequest& request, RunRecord& record) {
    if (request.task == "RTE") record.status = train::Status::diverged;
  };
  const Summary summary = run_all(spec, trainer);
  CHECK(summary.cells_done == summary.cells - 4 * 2);
  REQUIRE(summary.errors.size() == 4 * 2);
  CHECK(summary.errors[0] ==
        "RTE/uniform_soup(bo(logei))/seed0: bo(logei) has no result that "
        "uniform_soup(bo(logei)) could mix");
}

TEST_CASE("a soup's forecast is what it then spends, and the runs that it takes stay wanted") {
  const Folder folder;
  spec::Spec spec = with_soups(folder.path);
  spec.seeds = {0};
  for (auto& task : spec.tasks) task.recipe.fusion.stop_expected_improvement = 0.0;
  FakeTrainer pricing, trainer;
  const Forecast told = forecast(spec, pricing);
  trainer.foresee = true;
  run_all(spec, trainer);
  double charged = 0.0, computed = 0.0;
  for (const Cell& cell : list_cells(spec)) {
    for (const TrialRecord& trial : read_history(cell).trials) {
      charged += static_cast<double>(trial.budget.examples);
      if (cell.method->search != Search::soup) {
        computed += static_cast<double>(trial.budget.examples - 100);
      }
    }
  }
  CHECK(told.charged.examples == charged);
  CHECK(told.evaluation.examples > computed);
  CHECK(told.evaluation.examples < computed + 2 * 4 * (5 + 4 + 3) * double{FakeRun::kSplit});
  // The last training is of CoLA, whose soups are to come: 2 x 5 of bo, and what there is of the
  // other search's for its own two, itself among them.
  CHECK(trainer.foreseen.back() == 2 * 5 + 1 + 2 * 4);
}
