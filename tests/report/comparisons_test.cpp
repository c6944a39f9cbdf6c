#include "report/comparisons.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "../experiment/fake_trainer.hpp"
#include "report/family.hpp"
#include "report/scores.hpp"

using namespace runner;
using namespace runner::report;
using experiment::method;
using spec::Search;

namespace {

// Complete cells with one trial each, of these scores x 100 by method, task and seed; every one
// gives the rows of its task that are right first.
struct Cells {
  explicit Cells(std::vector<std::vector<std::vector<double>>> scores)
      : spec(experiment::fake_spec(folder.path, {method("fine_tune", Search::none, "last"),
                                                 method("swa", Search::none, "swa"),
                                                 method("bo", Search::bo, "best", "logei")})) {
    spec.seeds.clear();
    for (std::size_t s = 0; s < scores[0][0].size(); ++s) spec.seeds.push_back(s);
    spec.methods.resize(scores.size());
    spec::choose_comparisons(spec);
    for (std::size_t m = 0; m < scores.size(); ++m) {
      for (std::size_t t = 0; t < spec.tasks.size(); ++t) {
        for (std::size_t s = 0; s < spec.seeds.size(); ++s) add(m, t, s, scores[m][t][s]);
      }
    }
  }

  void add(std::size_t m, std::size_t t, std::size_t s, double score) {
    CellData& data = cells.emplace_back(CellData{
        .cell = {.spec = &spec, .task = &spec.tasks[t], .method = &spec.methods[m], .seed = s},
        .history = {}});
    if (std::isnan(score)) return;
    experiment::TrialRecord& trial = data.history.trials.emplace_back();
    trial.objective = -score / 100.0;
    trial.evaluation.report.score = trial.evaluation.selection.score = score / 100.0;
    experiment::Predictions& rows = trial.evaluation.predictions.emplace_back();
    for (int row = 0; row < kRows; ++row) {
      rows.labels.push_back(static_cast<float>(row % 2));
      const bool right = row < score / 100.0 * kRows;
      rows.predicted.push_back(right ? rows.labels.back() : 1.0f - rows.labels.back());
    }
    data.complete = true;
    data.chosen = 0;
  }

  std::vector<Comparison> compared() const {
    std::vector<TaskPredictions> tasks;
    for (const spec::TaskEntry& entry : spec.tasks) {
      tasks.push_back({.task = &entry.task, .models = {}});
    }
    return compare(spec, Scores(spec, cells), Resampled(tasks, 10));
  }

  static constexpr int kRows = 200;
  experiment::Folder folder;
  spec::Spec spec;
  std::vector<CellData> cells;
};

}  // namespace

TEST_CASE("a comparison over two tasks and three seeds is judged as its family says") {
  const Cells cells({{{70, 71, 72}, {60, 61, 62}},
                     {{73, 74.1, 75}, {62, 63, 64.1}},
                     {{70, 71.2, 71.9}, {60, 61, 62.1}}});
  const auto all = cells.compared();
  REQUIRE(all.size() == 2);  // no bilevel pair, so no primary comparison
  CHECK(all[0].method->name == "swa");
  CHECK(all[0].pairs() == 6);
  CHECK(all[0].estimate.difference == doctest::Approx(2.533333));
  CHECK(all[0].verdict == Verdict::better);
  CHECK(all[0].corrected.p_value == doctest::Approx(2.0 * all[0].p_value));
  CHECK(verdict_text(all[0]) == "better");
  CHECK(all[1].verdict == Verdict::equal);
}

TEST_CASE("one seed, no spread and missing cells have no verdict, and say why") {
  const Cells one({{{70}, {60}}, {{73}, {62}}});
  CHECK(verdict_text(one.compared()[0]) == "one seed");
  CHECK(one.compared()[0].estimate.difference == doctest::Approx(2.5));
  const Cells same({{{70, 71}, {60, 61}}, {{72, 73}, {62, 63}}});
  CHECK(verdict_text(same.compared()[0]) == "no spread");
  CHECK(std::isnan(same.compared()[0].estimate.interval(0.95).low));
  const double nan = std::nan("");
  const Cells missing({{{70, 71}, {60, 61}}, {{72, 73}, {nan, nan}}});
  CHECK(verdict_text(missing.compared()[0]) == "not complete");
  CHECK(std::isnan(missing.compared()[0].estimate.difference));
}

TEST_CASE("the primary comparison stands by itself and is not in its family") {
  Cells cells({{{70, 71, 72}, {60, 61, 62}},
               {{73, 74.1, 75}, {62, 63, 64.1}},
               {{70, 71.2, 71.9}, {60, 61, 62.1}}});
  cells.spec.primary = spec::Contrast{"swa", "bo(logei)"};
  const auto all = cells.compared();
  REQUIRE(all.size() == 3);
  CHECK(all[0].primary);
  CHECK(all[0].corrected.p_value == all[0].p_value);
  CHECK(all[1].corrected.p_value >= 2.0 * all[1].p_value * 0.999);
}

TEST_CASE("chance is the best that one answer has, and two standard errors above it") {
  data::Task task;
  task.labels = {"0", "1"};
  task.metrics = {data::Metric::f1, data::Metric::accuracy};
  const std::vector<experiment::Predictions> rows = {{{1, 1, 1, 0}, {}}};
  // Always 1: accuracy 3/4, F1 2 * .75 / 1.75.
  const Chance chance = chance_of(task, rows);
  CHECK(chance.score == doctest::Approx(100.0 * (0.75 + 1.5 / 1.75) / 2.0));
  CHECK(chance.bound == doctest::Approx(chance.score + 100.0 * 2.0 * 0.5 / 2.0));
  task.metrics = {data::Metric::mcc};
  CHECK(chance_of(task, rows).score == 0.0);
  CHECK(chance_of(task, rows).bound == doctest::Approx(100.0));
}

TEST_CASE("tasks at chance are measured by the best method, or named by the spec") {
  // Of 200 rows half are each label: chance is 50, its bound 57.07.
  Cells cells({{{70, 71}, {50, 55}}, {{69, 70}, {56, 58}}});
  const Scores measured(cells.spec, cells.cells);
  REQUIRE(measured.at_chance().size() == 1);
  CHECK(measured.at_chance()[0]->task.name == "CoLA");
  CHECK(measured.learned().size() == 1);
  cells.add(1, 1, 9, 70);  // another seed lifts swa's mean above the bound
  CHECK(Scores(cells.spec, cells.cells).at_chance().empty());
  cells.spec.measure_chance = false;
  cells.spec.at_chance = {"RTE"};
  CHECK(Scores(cells.spec, cells.cells).at_chance()[0]->task.name == "RTE");
}

TEST_CASE("McNemar's table counts rows by who was right, seed by seed") {
  const Cells cells({{{70, 71}, {60, 61}}, {{75, 71}, {60, 61}}});
  const Scores scores(cells.spec, cells.cells);
  const std::string none;
  const auto compared = cells.compared();
  const Table table = mcnemar_csv({cells.spec, cells.cells, scores, compared, none});
  REQUIRE(table.rows.size() == 4);
  CHECK(table.rows[0] == std::vector<std::string>{"swa", "fine_tune", "RTE", "0", "200", "140",
                                                  "10", "0", exact(2.0 / 1024.0)});
  CHECK(table.rows[1].back() == "1");
}
