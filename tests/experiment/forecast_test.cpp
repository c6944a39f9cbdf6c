#include "experiment/forecast.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "fake_trainer.hpp"

using namespace runner;
using namespace runner::experiment;
using spec::Search;

namespace {

spec::Spec searching(const Folder& folder) {
  std::vector<spec::Method> methods = {method("fine_tune", Search::none, "last"),
                                       method("swa", Search::none, "swa"),
                                       method("restarts", Search::restarts, "best"),
                                       method("random_search", Search::random, "best")};
  for (const spec::Method& pair : pairs()) methods.push_back(pair);
  return fake_spec(folder.path, methods);
}

Cost spent(const spec::Spec& spec) {
  Cost sum;
  for (const Cell& cell : list_cells(spec)) {
    for (const TrialRecord& trial : read_history(cell).trials) {
      sum.examples += static_cast<double>(trial.budget.examples);
      sum.flops += trial.budget.flops;
    }
  }
  return sum;
}

}  // namespace

TEST_CASE(
    "a forecast by a trainer that counts is what the run then spends, and nothing is written") {
  const Folder folder;
  spec::Spec spec = searching(folder);
  spec.seeds = {0};
  for (auto& task : spec.tasks) task.recipe.fusion.stop_expected_improvement = 0.0;
  FakeTrainer pricing, trainer;
  const Forecast told = forecast(spec, pricing);
  CHECK_FALSE(std::filesystem::exists(run_folder(spec)));
  const Summary summary = run(spec, trainer, {}, {});
  CHECK(told.trials == summary.trials);
  CHECK(told.runs == static_cast<int>(trainer.distinct.size()));
  CHECK(told.charged.examples == spent(spec).examples);
  CHECK(told.charged.flops == doctest::Approx(spent(spec).flops));
  // Of a fake run: 100 examples, 1e6 FLOPs, 3 snapshots.
  CHECK(told.training.examples == 100.0 * told.runs);
  CHECK(told.training.flops == doctest::Approx(1e6 * told.runs));
  CHECK(told.charged.examples == told.evaluation.examples + 100.0 * told.trials);
  CHECK(told.computed().examples < told.charged.examples);
  REQUIRE(told.snapshots.size() == 2);
  CHECK(told.snapshots[0] + told.snapshots[1] == 3 * told.runs);
}

TEST_CASE("every seed is taken to cost what the first does") {
  const Folder folder;
  spec::Spec spec = searching(folder);
  FakeTrainer pricing;
  spec.seeds = {0};
  const Forecast one = forecast(spec, pricing);
  spec.seeds = {0, 7, 8};
  const Forecast three = forecast(spec, pricing);
  CHECK(three.trials == 3 * one.trials);
  CHECK(three.runs == 3 * one.runs);
  CHECK(three.charged.flops == doctest::Approx(3.0 * one.charged.flops));
  CHECK(three.snapshots[1] == 3 * one.snapshots[1]);
}
