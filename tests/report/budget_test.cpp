#include "report/budget.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "../experiment/fake_trainer.hpp"

using namespace runner;
using namespace runner::report;
using spec::Search;

namespace {

// A cell whose trials have these scores, the same on both splits, and cost these examples.
CellData cell(const spec::Spec& spec, std::size_t method, std::vector<double> scores,
              std::vector<std::int64_t> examples) {
  CellData data{
      .cell = {.spec = &spec, .task = &spec.tasks[0], .method = &spec.methods[method], .seed = 0},
      .history = {}};
  for (std::size_t i = 0; i < scores.size(); ++i) {
    experiment::TrialRecord& trial = data.history.trials.emplace_back();
    trial.objective = -scores[i];
    trial.evaluation.selection.score = trial.evaluation.report.score = scores[i];
    trial.budget.examples = examples[i];
    trial.budget.flops = 10.0 * static_cast<double>(examples[i]);
  }
  data.complete = true;
  data.chosen = experiment::best_trial(data.history.trials);
  return data;
}

}  // namespace

TEST_CASE("at a mark counts what was finished by then, by selection") {
  const experiment::Folder folder;
  const spec::Spec spec = experiment::fake_spec(
      folder.path, {experiment::method("random_search", Search::random, "last")});
  const CellData data = cell(spec, 0, {0.5, 0.4, 0.7}, {100, 100, 100});
  CHECK(std::isnan(score_at(data, Unit::examples, 99.0)));
  CHECK(score_at(data, Unit::examples, 100.0) == doctest::Approx(50.0));
  CHECK(score_at(data, Unit::examples, 299.0) == doctest::Approx(50.0));
  CHECK(score_at(data, Unit::examples, 300.0) == doctest::Approx(70.0));
  CHECK(score_at(data, Unit::flops, 3000.0) == doctest::Approx(70.0));
  CHECK(spent(data, Unit::flops) == 3000.0);
}

TEST_CASE("two searches are compared at what the smaller of them spent") {
  const experiment::Folder folder;
  spec::Spec spec = experiment::fake_spec(
      folder.path, {experiment::method("random_search", Search::random, "last"),
                    experiment::method("bo", Search::bo, "best", "logei")});
  spec.tasks.resize(1);
  spec.seeds = {0};
  // The second has the better end, but only after it has spent more than the first in all.
  const std::vector<CellData> cells = {cell(spec, 0, {0.5, 0.6}, {100, 100}),
                                       cell(spec, 1, {0.4, 0.9}, {150, 150})};
  const Tasks tasks = {&spec.tasks[0]};
  const Strata equal =
      differences_at_equal(cells, tasks, spec.methods[1], spec.methods[0], Unit::examples);
  REQUIRE(equal.size() == 1);
  REQUIRE(equal[0].size() == 1);
  CHECK(equal[0][0] == doctest::Approx(-20.0));

  const Table table = budget_csv(spec, cells);
  const auto row = [&](const char* unit, const char* share, const char* method) {
    for (const auto& fields : table.rows) {
      if (fields[0] == "RTE" && fields[1] == unit && fields[2] == share && fields[3] == method) {
        return fields;
      }
    }
    FAIL("no such row");
    return std::vector<std::string>{};
  };
  CHECK(row("examples", "1", "random_search")[5] == "200");
  CHECK(row("examples", "1", "random_search")[7] == "60");
  CHECK(row("examples", "1", "bo(logei)")[6] == "1");
  CHECK(row("examples", "1", "bo(logei)")[7] == "40");
  CHECK(row("examples", "0.5", "bo(logei)")[7].empty());  // nothing was finished
  CHECK(row("flops", "0.5", "random_search")[7] == "50");
}

TEST_CASE("the incumbent's curve only changes where selection improves") {
  const experiment::Folder folder;
  const spec::Spec spec = experiment::fake_spec(
      folder.path, {experiment::method("random_search", Search::random, "last")});
  const Table table = incumbent_csv({cell(spec, 0, {0.5, 0.4, 0.7}, {100, 50, 25})});
  REQUIRE(table.rows.size() == 3);
  CHECK(table.rows[1] ==
        std::vector<std::string>{"RTE", "random_search", "0", "1", "150", "1500", "50", "50"});
  CHECK(table.rows[2][4] == "175");
  CHECK(table.rows[2][7] == "70");
}
