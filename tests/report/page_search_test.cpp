#include "report/page_search.hpp"

#include <doctest/doctest.h>

#include "../experiment/fake_trainer.hpp"
#include "io/json.hpp"
#include "report/page_assets.hpp"
#include "report/page_rows.hpp"

using namespace runner;
using namespace runner::experiment;
using report::CellData;
using spec::Search;

namespace {

// Cells of a finished run, whose scores are then `score` of the learning rate and the batch size's
// index.
std::vector<CellData> cells_of(const spec::Spec& spec, double (*score)(double, double)) {
  FakeTrainer trainer;
  run(spec, trainer, {}, {});
  std::vector<CellData> cells = report::read_cells(spec);
  for (CellData& data : cells) {
    for (TrialRecord& trial : data.history.trials) {
      if (trial.lambda.empty()) continue;
      trial.evaluation.selection.score = score(trial.lambda[0].second, trial.lambda[1].second);
      trial.objective = -trial.evaluation.selection.score;
    }
    data.chosen = best_trial(data.history.trials);
  }
  return cells;
}

spec::Spec searching(const Folder& folder) {
  spec::Spec spec = fake_spec(folder.path, {method("fine_tune", Search::none, "last"),
                                            method("random_search", Search::random, "last"),
                                            method("bo", Search::bo, "best", "logei")});
  spec.outer.trials = 9;
  return spec;
}

}  // namespace

TEST_CASE("the variable that the score depends on is named first, with all of the effect") {
  const Folder folder;
  const spec::Spec spec = searching(folder);
  const auto by_batch =
      cells_of(spec, [](double, double batch) { return batch == 1.0 ? 0.9 : 0.5; });
  const io::Json page = report::page_search(spec, by_batch);
  REQUIRE(page["importance"]["rows"].size() == 2);
  CHECK(page["importance"]["rows"][0][0] == "batch_size");
  CHECK(page["importance"]["rows"][0][1] > 0.8);
  CHECK(page["axes"][0]["variable"] == 1);
  CHECK(page["axes"][0]["edges"].is_null());
  const auto by_lr = cells_of(
      spec, [](double lr, double) { return 0.8 - 0.1 * std::pow(std::log10(lr) + 4.0, 2); });
  CHECK(report::page_search(spec, by_lr)["importance"]["rows"][0][0] == "lr");
}

TEST_CASE("every searching cell has a surface, highest where its scores are") {
  const Folder folder;
  const spec::Spec spec = searching(folder);
  const auto cells = cells_of(spec, [](double, double batch) { return batch == 1.0 ? 0.9 : 0.5; });
  const io::Json page = report::page_search(spec, cells);
  CHECK(page["surfaces"].size() == 2 * 2 * 2);  // tasks, methods that search, seeds
  const std::size_t columns = 3, rows = 16;
  for (const io::Json& surface : page["surfaces"]) {
    REQUIRE(surface["mean"].size() == columns * rows);
    REQUIRE(surface["sd"].size() == columns * rows);
    double at[columns] = {};
    for (std::size_t i = 0; i < columns * rows; ++i) {
      at[i % columns] += surface["mean"][i].get<double>() / rows;
    }
    CHECK(at[1] > at[0]);
    CHECK(at[1] > at[2]);
    CHECK(at[1] < 100.0);
  }
  const auto& edges = page["axes"][1]["edges"];
  CHECK(edges.size() == rows + 1);
  CHECK(edges.front() == 1e-6);
  CHECK(edges.back() == 1e-3);
}

TEST_CASE("the model is asked about whole numbers of an integer with many values") {
  for (const bool log : {false, true}) {
    const Folder folder;
    spec::Spec spec = searching(folder);
    bo::Variable& batch = spec.search[1];
    batch.type = bo::Type::integer;
    batch.low = 8;
    batch.high = 32;
    batch.log = log;
    batch.values.clear();
    const auto cells = cells_of(spec, [](double, double size) { return 0.5 + 0.01 * size; });
    const io::Json page = report::page_search(spec, cells);
    CHECK(page["importance"]["rows"][0][0] == "batch_size");
    CHECK_FALSE(page["surfaces"].empty());
  }
}

TEST_CASE("a space without a choice, equal scores and too few results show no importance") {
  const Folder folder;
  spec::Spec spec = searching(folder);
  const auto flat = [](double, double) { return 0.5; };
  CHECK(report::page_search(spec, cells_of(spec, flat))["importance"]["rows"].empty());
  auto cells = cells_of(spec, [](double lr, double) { return lr; });
  for (CellData& data : cells) data.history.cut(2);
  const io::Json few = report::page_search(spec, cells);
  CHECK(few["importance"]["rows"].empty());
  CHECK(few["surfaces"].empty());
  const io::Json none = report::page_search(spec, {});
  CHECK(none["axes"].empty());
}

TEST_CASE("the page of 405 cells with long journals stays below 5 MB") {
  const Folder folder;
  const spec::Spec spec = searching(folder);
  auto cells = cells_of(spec, [](double lr, double batch) { return 0.7 - lr * batch; });
  std::erase_if(cells, [](const CellData& data) { return data.history.trials.size() < 2; });
  random::Stream stream(7);
  constexpr int kSnapshots = 8, kInner = 30, kSteps = 500;
  for (CellData& data : cells) {
    data.history.inner.clear();
    for (TrialRecord& trial : data.history.trials) {
      trial.curve.clear();
      for (int step = 1; step <= kSteps; ++step) {
        trial.curve.push_back({step, stream.uniform(), stream.uniform(), stream.uniform()});
      }
      trial.alpha.assign(kSnapshots, 0.0);
      for (double& weight : trial.alpha) weight = stream.uniform();
      trial.fusion_loss = stream.uniform();
      for (int i = 0; i < kInner; ++i) {
        data.history.inner.push_back({.trial = trial.trial,
                                      .alpha = trial.alpha,
                                      .loss = stream.uniform(),
                                      .selection_score = stream.uniform()});
        data.history.inner.back().proposal.source = "ucb";
      }
    }
  }
  const report::PageAssets& assets = report::page_assets();
  std::size_t program = 0;
  for (const std::string_view part : {assets.page, assets.style, assets.charts, assets.script,
                                      assets.vega, assets.vega_lite, assets.vega_embed}) {
    program += part.size();
  }
  const double data = static_cast<double>(report::page_rows(spec, cells).dump().size() +
                                          report::page_search(spec, cells).dump().size());
  const double whole =
      static_cast<double>(program) + 405.0 * data / static_cast<double>(cells.size());
  CAPTURE(data / static_cast<double>(cells.size()));
  CHECK(whole < 5e6);
}
