#include "slurm/shares.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "experiment/ahead.hpp"
#include "experiment/fake_trainer.hpp"

using namespace runner;
using namespace runner::slurm;
using experiment::FakeTrainer;
using experiment::Folder;
using experiment::method;
using spec::Search;

namespace {

std::vector<spec::Method> methods() {
  std::vector<spec::Method> all = experiment::several();
  for (const std::string& donor : {all[3].name, all[4].name}) {
    spec::Method refusion = method("refuse(swa)@" + donor, Search::refuse, "swa");
    refusion.of = donor;
    all.push_back(refusion);
    spec::Method confirmation = method("confirm(" + donor + ")", Search::confirm, "last");
    confirmation.of = donor;
    all.push_back(confirmation);
  }
  return all;
}

}  // namespace

TEST_CASE("workers take the next item when they are done with one") {
  const std::vector<Item> items = {{{}, 3.0}, {{}, 1.0}, {{}, 1.0}, {{}, 2.0}, {{}, 4.0}};
  CHECK(makespan(items, 1) == 11.0);
  CHECK(makespan(items, 2) == 7.0);  // 3 and 4 beside 1, 1 and 2
  CHECK(makespan(items, 3) == 5.0);
  CHECK(makespan(items, 5) == 4.0);
  CHECK(makespan(items, 64) == 4.0);
  CHECK(makespan({}, 2) == 0.0);
}

TEST_CASE("what is left of an experiment is its known runs, and the cells that need outcomes") {
  const Folder folder;
  spec::Spec spec = experiment::fake_spec(folder.path, methods());
  spec.confirm = 2;
  FakeTrainer pricing;
  const Work work = work_of(spec, pricing);
  const auto known = experiment::known_runs(spec);
  REQUIRE(work.runs.size() == known.size());
  std::size_t trials = 0;
  for (std::size_t i = 0; i < known.size(); ++i) {
    CHECK(work.runs[i].names == std::vector<std::string>{known[i].name});
    CHECK(work.runs[i].cost > 1e6);  // FakeRun's training
    trials += known[i].trials.size();
  }
  CHECK(work.trials == static_cast<int>(trials));

  // A search with what takes from it, and a random search whose end alone is waited for.
  REQUIRE(work.cells.size() == 8);
  CHECK(work.cells[0].names == std::vector<std::string>{"RTE/bilevel(ei,ucb)/seed0",
                                                        "RTE/refuse(swa)@bilevel(ei,ucb)/seed0",
                                                        "RTE/confirm(bilevel(ei,ucb))/seed0"});
  CHECK(work.cells[1].names ==
        std::vector<std::string>{"RTE/random_search/seed0", "RTE/confirm(random_search)/seed0"});
  CHECK(work.cells[0].cost > work.cells[1].cost);  // 2 of its 5 trials are not known, and 2 confirm

  // Once those are made, the others remain; once all is done, nothing.
  FakeTrainer trainer;
  experiment::run_ahead(known, trainer, {}, {});
  const Work rest = work_of(spec, pricing);
  CHECK(rest.runs.empty());
  REQUIRE(rest.cells.size() == 8);
  CHECK(rest.cells[1].names == std::vector<std::string>{"RTE/confirm(random_search)/seed0"});
  for (const Item& share : cut(rest.cells, 3)) {
    experiment::RunOptions options;
    options.cells = share.names;
    CHECK(experiment::run(spec, trainer, options, {}).errors.empty());
  }
  const Work nothing = work_of(spec, pricing);
  CHECK(nothing.runs.empty());
  CHECK(nothing.cells.empty());
  CHECK(experiment::survey(spec, {}).cells_done == 36);
}

TEST_CASE("of a search with a budget the start design is known, and its cell stays") {
  const Folder folder;
  spec::Spec spec = experiment::fake_spec(folder.path, experiment::several());
  spec.outer.budget = spec::BudgetLimit{.amount = 1000.0, .unit = spec::BudgetUnit::examples};
  FakeTrainer pricing;
  std::set<std::string> cells;
  for (const Item& item : work_of(spec, pricing).cells) {
    cells.insert(item.names.begin(), item.names.end());
  }
  CHECK(cells.size() == 4 * 3);  // restarts, random_search, bilevel
  CHECK(cells.contains("CoLA/restarts/seed7"));
}
