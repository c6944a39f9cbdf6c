#include <doctest/doctest.h>

#include "experiment/forecast.hpp"
#include "experiment/run.hpp"
#include "fake_trainer.hpp"
#include "io/error.hpp"
#include "spec/methods.hpp"

// outer.budget: searches that end when they have spent it.

using namespace runner;
using namespace runner::experiment;
using spec::BudgetUnit;
using spec::Search;

namespace {

// Searches, what takes their trials, and a method that is none.
std::vector<spec::Method> methods() {
  spec::Method again = method("refuse(swa)", Search::refuse, "swa");
  spec::Method sure = method("confirm(bo(logei))", Search::confirm, "best");
  again.of = sure.of = "bo(logei)";
  return {again,
          sure,
          method("fine_tune", Search::none, "last"),
          method("restarts", Search::restarts, "best"),
          method("random_search", Search::random, "last"),
          method("bo", Search::bo, "best", "logei"),
          pairs()[0]};
}

spec::Spec with_budget(const std::filesystem::path& runs, double amount, BudgetUnit unit) {
  spec::Spec spec = fake_spec(runs, methods());
  spec.outer.budget = {amount, unit};
  spec.confirm = 2;
  return spec;
}

void check_all_ended(const spec::Spec& spec) {
  const spec::BudgetLimit budget = *spec.outer.budget;
  for (const Cell& cell : list_cells(spec)) {
    CAPTURE(cell_name(cell));
    const std::vector<TrialRecord> trials = read_history(cell).trials;
    if (cell.method->search == Search::none) {
      CHECK(trials.size() == 1);
    } else if (cell.method->search == Search::confirm) {
      CHECK(trials.size() == 2);
    } else if (const auto donor = donor_of(cell)) {
      CHECK(trials.size() == read_history(*donor).trials.size());
    } else {
      REQUIRE(!trials.empty());
      CHECK(spent(trials, budget.unit) >= budget.amount);
      CHECK(spent(std::span(trials).first(trials.size() - 1), budget.unit) < budget.amount);
    }
  }
}

}  // namespace

TEST_CASE("a search ends at the first trial whose start would find the budget spent") {
  for (const auto& [amount, unit] : {std::pair{1.0, BudgetUnit::examples},
                                     {700.0, BudgetUnit::examples},
                                     {3.2e6, BudgetUnit::flops}}) {
    const Folder folder;
    const spec::Spec spec = with_budget(folder.path, amount, unit);
    FakeTrainer trainer;
    const Summary summary = run_all(spec, trainer);
    CHECK(summary.errors.empty());
    CHECK(summary.cells_done == summary.cells);
    CHECK(summary.trials == summary.trials_done);
    check_all_ended(spec);
    const Summary again = run_all(spec, trainer);
    CHECK(again.trials_before == summary.trials);
  }
}

TEST_CASE("seconds count as the runs recorded them, those of shared runs too") {
  const Folder folder;
  const spec::Spec spec = with_budget(folder.path, 4.0, BudgetUnit::seconds);
  FakeTrainer trainer;  // whose runs say that they took 1.25 s, and whose evaluations take no time
  run_all(spec, trainer);
  check_all_ended(spec);
  for (const Cell& cell : list_cells(spec)) {
    if (spec::is_search(*cell.method)) CHECK(read_history(cell).trials.size() == 4);
  }
}

TEST_CASE("a budget ends the same trials in shards, by workers and after a kill") {
  const Folder one, killed;
  FakeTrainer trainer;
  spec::Spec spec = with_budget(one.path, 900.0, BudgetUnit::examples);
  run_all(spec, trainer);
  const std::string expected = everything(spec);
  check_workers_and_shards(spec, trainer);
  spec.runs_root = killed.path;
  for (int limit = 10;; limit += 40) {
    int questions = 0;
    const auto stop = [&] { return questions++ >= limit; };
    if (!run(spec, trainer, {}, {.on_progress = {}, .should_stop = stop}).interrupted) break;
  }
  CHECK(everything(spec) == expected);
}

TEST_CASE("a budget that changes between calls leaves what it would have bought at once") {
  const auto at_once = [](double amount) {
    const Folder folder;
    FakeTrainer trainer;
    const spec::Spec spec = with_budget(folder.path, amount, BudgetUnit::examples);
    run_all(spec, trainer);
    return everything(spec);
  };
  const Folder folder;
  FakeTrainer trainer;
  spec::Spec spec = with_budget(folder.path, 0.0, BudgetUnit::examples);
  int calls = 0;  // once the largest budget was spent
  for (const double amount : {600.0, 1500.0, 601.0, 900.0, 1500.0}) {
    spec.outer.budget->amount = amount;
    const Summary summary = run_all(spec, trainer);
    CHECK(summary.cells_done == summary.cells);
    CHECK(summary.trials == summary.trials_done);
    if (calls == 0 && amount == 1500.0) calls = trainer.calls;
    CHECK(everything(spec) == at_once(amount));
  }
  const auto confirmations = 4 * 2;  // of other winners than before
  CHECK(trainer.calls <= calls + 3 * confirmations);
  // A number of trials in its place shows those.
  spec.outer.budget.reset();
  spec.outer.trials = 2;
  CHECK(run_all(spec, trainer).trials == (2 + 2 + 1 + 2 + 2 + 2 + 2) * 4);
}

TEST_CASE("a plan says what a budget buys, and what the runs then spend") {
  const Folder folder;
  spec::Spec spec = with_budget(folder.path, 800.0, BudgetUnit::examples);
  spec.seeds = {0};
  for (auto& task : spec.tasks) task.recipe.fusion.stop_expected_improvement = 0.0;
  spec.methods.erase(spec.methods.begin(), spec.methods.begin() + 2);  // donors come first
  FakeTrainer pricing, trainer;
  const Forecast told = forecast(spec, pricing);
  const Summary summary = run_all(spec, trainer);
  CHECK(told.trials == summary.trials);
  for (const Cell& cell : list_cells(spec)) {
    const auto& [fewest, most] =
        told.trials_of[static_cast<std::size_t>(cell.method - spec.methods.data())];
    const auto trials = static_cast<int>(read_history(cell).trials.size());
    CHECK(fewest <= trials);
    CHECK(trials <= most);
  }
  spec.outer.budget = {10.0, BudgetUnit::seconds};
  CHECK_THROWS(forecast(spec, pricing));
  CHECK(forecast(spec, pricing, 1e6).trials_of.back().fewest == 10);  // of 1e6 FLOPs and a few
  spec.outer.budget = {1e9, BudgetUnit::examples};
  CHECK_THROWS_WITH_AS(forecast(spec, pricing), doctest::Contains("is 1000000000 examples meant?"),
                       InputError);
}

TEST_CASE("under a budget the runs to come are foreseen as far as its price is known") {
  const Folder folder;
  spec::Spec spec = with_budget(folder.path, 500.0, BudgetUnit::examples);
  spec.tasks.resize(1);
  spec.seeds = {0};
  spec.methods = {method("random_search", Search::random, "last")};
  FakeTrainer trainer;
  trainer.foresee = true;
  run_all(spec, trainer);
  CHECK(trainer.surprises == 0);
  CHECK(trainer.foreseen == std::vector<std::size_t>{3, 4, 3, 2, 1});  // a trial costs 120
}
