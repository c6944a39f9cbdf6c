#include "experiment/pruning.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "experiment/ahead.hpp"
#include "experiment/forecast.hpp"
#include "fake_trainer.hpp"
#include "spec/methods.hpp"

// outer.pruning: searches whose hopeless runs end on a rung.

using namespace runner;
using namespace runner::experiment;
using spec::Search;

namespace {

// Searches, what takes their trials, and a method that is none.
spec::Spec with_pruning(const std::filesystem::path& runs, const std::string& rule) {
  const spec::Method bo = method("bo", Search::bo, "best", "logei");
  spec::Method again = method("refuse(swa)", Search::refuse, "swa");
  spec::Method sure = method("confirm(bo(logei))", Search::confirm, "best");
  again.of = sure.of = bo.name;
  spec::Spec spec = fake_spec(runs, {method("fine_tune", Search::none, "last"),
                                     method("random_search", Search::random, "last"), bo,
                                     pairs()[0], again, sure, souped(bo, spec::soups()[1])});
  spec.outer.pruning = rule;
  spec.outer.trials = 9;
  spec.confirm = 1;
  return spec;
}

Cell cell_of(const spec::Spec& spec, std::size_t method) {
  return {&spec, &spec.tasks[0], &spec.methods[method], 0};
}

// The index among a cell's looks on rung k of the first trial's score that is worse, by a rule that
// is written down again here.
bool is_hopeless(const std::string& rule, const std::vector<TrialRecord>& earlier, std::size_t k,
                 double score) {
  std::vector<double> scores;
  for (const TrialRecord& trial : earlier) {
    if (trial.rung_scores.size() <= k || (rule == "median" && trial.status != train::Status::ok))
      continue;
    scores.push_back(trial.rung_scores[k]);
  }
  if (rule == "median") {
    const auto better = std::ranges::count_if(scores, [&](double other) { return other > score; });
    const auto worse = std::ranges::count_if(scores, [&](double other) { return other < score; });
    if (scores.size() % 2 == 1 || better == 0) return better > worse;
    std::ranges::sort(scores);
    return score < (scores[scores.size() / 2 - 1] + scores[scores.size() / 2]) / 2.0;
  }
  const auto better = std::ranges::count_if(scores, [&](double other) { return other > score; });
  const auto trials = static_cast<std::ptrdiff_t>(scores.size()) + 1;
  return better >= std::max<std::ptrdiff_t>(1, trials / 3);
}

}  // namespace

TEST_CASE("a run that is stopped on a rung is what it was there, whatever came after") {
  RunRequest request{.task = "RTE", .seed = 1, .split_seed = 1, .options = {}};
  request.rungs = {{.share = 0.1}, {.share = 0.3}, {.share = 0.5}};
  const RunRecord whole = FakeRun(request).record();
  REQUIRE(whole.rungs.size() == 3);
  CHECK_FALSE(pruned(whole, request.rungs));
  auto rungs = request.rungs;
  rungs[1].least = whole.rungs[1].score;  // just reached
  CHECK_FALSE(pruned(whole, rungs));
  rungs[1].least = std::nextafter(rungs[1].least, 1.0);
  const auto stopped = pruned(whole, rungs);
  REQUIRE(stopped.has_value());
  CHECK(stopped->status == train::Status::pruned);
  CHECK(stopped->why.starts_with("after 0.3 of its steps its selection score is "));
  CHECK(stopped->steps == 6);
  CHECK(stopped->examples == 30);
  CHECK(stopped->tokens == 300);
  CHECK(stopped->flops == 3e5);
  CHECK(stopped->snapshots == 0);
  CHECK(std::isnan(stopped->train_loss));
  CHECK(stopped->rungs.size() == 2);
  CHECK(stopped->curve.size() == 5);
  CHECK(io::Json(*pruned(*stopped, rungs)) == io::Json(*stopped));
  CHECK_FALSE(pruned(*stopped, request.rungs));  // says nothing of a run that would go on
  rungs[0].least = 2.0;
  CHECK(io::Json(*pruned(*stopped, rungs)) == io::Json(*pruned(whole, rungs)));
  CHECK(pruned(whole, rungs)->curve.size() == 2);
  RunRecord strange = whole;
  strange.rungs[0].score = NAN;  // diverges by itself
  CHECK(pruned(strange, rungs)->rungs.size() == 2);
  CHECK(io::Json(*stopped).get<RunRecord>().rungs[1].score == whole.rungs[1].score);

  CHECK(rung_step({.share = 1.0 / 3.0}, 9) == 3);
  CHECK(rung_step({.share = 1.0 / 3.0}, 10) == 4);
  CHECK(rung_step({.share = 0.9}, 2) == 1);  // never the last
  CHECK(rung_step({.share = 0.5}, 1) == 0);
}

TEST_CASE("trials beyond the start design end where their rule says, and are charged as far") {
  for (const std::string rule : {"median", "halving"}) {
    CAPTURE(rule);
    const Folder folder;
    const spec::Spec spec = with_pruning(folder.path, rule);
    FakeTrainer trainer;
    const Summary summary = run_all(spec, trainer);
    CHECK(summary.errors.empty());
    CHECK(summary.failed == 0);
    int stopped = 0, finished = 0;
    for (const Cell& cell : list_cells(spec)) {
      CAPTURE(cell_name(cell));
      const std::vector<TrialRecord> trials = read_history(cell).trials;
      for (std::size_t i = 0; i < trials.size(); ++i) {
        const TrialRecord& trial = trials[i];
        CAPTURE(i);
        stopped += trial.is_pruned() ? 1 : 0;
        if (!spec::is_search(*cell.method)) {
          if (cell.method->search != Search::refuse) CHECK(trial.status == train::Status::ok);
          continue;
        }
        finished += i >= 3 && trial.has_result() ? 1 : 0;
        REQUIRE(trial.rungs.size() == 2);
        std::size_t looks = 0;
        bool hopeless = false;
        while (looks < 2 && !hopeless) {
          hopeless =
              i >= 3 &&
              is_hopeless(rule, {trials.begin(), trials.begin() + static_cast<std::ptrdiff_t>(i)},
                          looks, trial.rung_scores.at(looks));
          ++looks;
        }
        CHECK(trial.is_pruned() == hopeless);
        CHECK(trial.rung_scores.size() == looks);
        if (!hopeless) {
          CHECK(trial.budget.examples >= 100 + 2 * FakeRun::kSplit);
          continue;
        }
        CHECK(std::isnan(trial.objective));
        CHECK(trial.alpha.empty());
        CHECK(trial.snapshots == 0);
        CHECK(trial.inner_evaluations == 0);
        CHECK(trial.evaluation.selection.values.empty());
        const std::int64_t step = looks == 1 ? 3 : 7;  // of 20
        CHECK(trial.budget.examples ==
              5 * step + static_cast<std::int64_t>(looks) * FakeRun::kSplit);
        CHECK(trial.budget.flops ==
              5e4 * static_cast<double>(step) + 3.5 * static_cast<double>(looks));
      }
    }
    CHECK(stopped == summary.pruned);
    CHECK(stopped > 0);
    CHECK(finished > 0);
    // The recipe's run is the same for a method that looks at nothing, and costs that less.
    const TrialRecord alone = read_history(cell_of(spec, 0)).trials[0];
    CHECK(alone.budget.examples == 100 + FakeRun::kSplit + FakeRun::kSplit);
  }
}

TEST_CASE("what takes a search's trials leaves the pruned ones as they are") {
  const Folder folder;
  const spec::Spec spec = with_pruning(folder.path, "median");
  FakeTrainer trainer;
  run_all(spec, trainer);
  const auto donated = read_history(cell_of(spec, 2)).trials;
  const auto refused = read_history(cell_of(spec, 4)).trials;
  REQUIRE(refused.size() == donated.size());
  std::size_t with_result = 0;
  for (std::size_t i = 0; i < donated.size(); ++i) {
    CHECK(refused[i].status == donated[i].status);
    CHECK(refused[i].rungs == donated[i].rungs);
    if (donated[i].is_pruned()) CHECK(refused[i].budget.examples == donated[i].budget.examples);
    with_result += donated[i].has_result() ? 1U : 0U;
  }
  CHECK(read_history(cell_of(spec, 5)).trials[0].status == train::Status::ok);
  const TrialRecord soup = read_history(cell_of(spec, 6)).trials[0];
  CHECK(soup.alpha.size() == with_result);
  CHECK(soup.budget.examples > sum_of(donated).examples);  // those that were pruned included
  const auto observed = observations_of(donated);
  for (std::size_t i = 0; i < donated.size(); ++i) {
    CHECK((observed[i].status == bo::Status::failed) == donated[i].is_pruned());
  }
}

TEST_CASE("a search that prunes is the same in shards, by workers, killed, and given more trials") {
  const Folder folder;
  spec::Spec spec = with_pruning(folder.path, "halving");
  FakeTrainer trainer;
  run_all(spec, trainer);
  CHECK(check_workers_and_shards(spec, trainer).errors.empty());

  // What is made ahead of the cells is never what an outcome could end.
  const Folder ahead;
  const std::string whole = everything(spec);
  spec.runs_root = ahead.path;
  CHECK(run_ahead(known_runs(spec), trainer, {}, {}).errors.empty());
  CHECK(run_all(spec, trainer).errors.empty());
  CHECK(everything(spec) == whole);
  spec.runs_root = folder.path;

  spec.tasks.resize(1);
  spec.seeds = {0};
  spec.methods = {spec.methods[2], spec.methods[4]};  // bo and its refusion
  const std::string expected = everything(spec);
  for (int kill_at = 1; kill_at <= 18; ++kill_at) {
    const Folder killed;
    spec.runs_root = killed.path;
    run_killed(spec, kill_at, [](const Event& event) { return event.kind == Event::Kind::trial; });
    run_all(spec, trainer);
    REQUIRE(everything(spec) == expected);
  }
  const Folder grown;
  spec.runs_root = grown.path;
  for (const int trials : {5, 9, 6}) {
    spec.outer.trials = trials;
    CHECK(run_all(spec, trainer).errors.empty());
    CHECK(read_history(cell_of(spec, 0)).trials.size() == static_cast<std::size_t>(trials));
  }
  spec.outer.trials = 9;
  CHECK(everything(spec) == expected);
}

TEST_CASE("a pruned run is forecast to its end, and under a budget leaves room for more trials") {
  const Folder folder;
  spec::Spec spec = with_pruning(folder.path, "median");
  for (auto& task : spec.tasks) task.recipe.fusion.stop_expected_improvement = 0.0;
  FakeTrainer pricing, trainer;
  pricing.disturb = [](const RunRequest&, RunRecord& record) {
    for (RungRecord& look : record.rungs) look.score = NAN;  // as plan's, which sees none
  };
  const Forecast told = forecast(spec, pricing);
  run_all(spec, trainer);
  double examples = 0.0;
  for (const Cell& cell : list_cells(spec)) {
    for (const TrialRecord& trial : read_history(cell).trials) {
      examples += static_cast<double>(trial.budget.examples);
    }
  }
  CHECK(examples < told.charged.examples);
  CHECK(told.trials == 2 * 2 * (1 + 4 * 9 + 1 + 1));

  const Folder more, less;
  spec.outer.budget = {1500.0, spec::BudgetUnit::examples};
  spec.runs_root = more.path;
  CHECK(run_all(spec, trainer).errors.empty());
  const std::size_t many = read_history(cell_of(spec, 1)).trials.size();
  spec.outer.pruning.clear();
  spec.runs_root = less.path;
  CHECK(run_all(spec, trainer).errors.empty());
  CHECK(many > read_history(cell_of(spec, 1)).trials.size());
}
