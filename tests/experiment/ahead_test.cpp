#include "experiment/ahead.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <set>

#include "fake_trainer.hpp"
#include "io/error.hpp"

// Trials that are known before any outcome is, made run by run before their cells come to them.

using namespace runner;
using namespace runner::experiment;
using spec::Search;

namespace {

spec::Method refused(const std::string& donor, const std::string& rule) {
  spec::Method refusion = method("refuse(" + rule + ")@" + donor, Search::refuse, rule);
  refusion.of = donor;
  return refusion;
}

// Every kind of search, and refusions of what is known and of what is not.
std::vector<spec::Method> all_kinds() {
  std::vector<spec::Method> methods = several();
  methods.push_back(method("grid", Search::grid, "swa"));
  methods.push_back(refused("random_search", "swa"));
  methods.push_back(refused(methods[4].name, "last"));
  return methods;
}

Summary make(const std::vector<KnownRun>& runs, FakeTrainer& trainer, int workers = 1) {
  RunOptions options;
  options.workers = workers;
  return run_ahead(runs, trainer, options, {});
}

// What cells ask for, without those that only look.
struct Asked {
  explicit Asked(FakeTrainer& trainer) {
    trainer.disturb = [this](const RunRequest& request, RunRecord&) {
      identities.insert(identity_of(request));
    };
  }
  std::set<RunIdentity> identities;
};

}  // namespace

TEST_CASE("trials made ahead, in any order and by many, leave what their cells would have made") {
  const Folder whole, parts;
  FakeTrainer trainer;
  spec::Spec spec = fake_spec(whole.path, all_kinds());
  run_all(spec, trainer);
  const std::string expected = everything(spec);

  spec.runs_root = parts.path;
  std::vector<KnownRun> runs = known_runs(spec);
  std::ranges::reverse(runs);
  const Summary made = make(runs, trainer, 4);
  CHECK(made.errors.empty());
  CHECK(made.cells_done == static_cast<int>(runs.size()));
  CHECK(made.trials_done == made.trials);
  CHECK(unmade(known_runs(spec)).empty());
  settle(spec);
  for (const Cell& cell : list_cells(spec)) {
    if (cell.method->search == Search::bo || cell.method->of.starts_with("bilevel")) continue;
    CAPTURE(cell_name(cell));
    CHECK(is_complete(cell, read_history(cell)));
    CHECK(std::filesystem::exists(cell_folder(cell) / "result.json"));
    CHECK_FALSE(std::filesystem::exists(cell_folder(cell) / "ahead"));
  }
  Asked asked(trainer);
  CHECK(run_all(spec, trainer).errors.empty());
  CHECK(everything(spec) == expected);
  CHECK(!asked.identities.empty());
  for (const KnownRun& run : known_runs(spec)) {
    CHECK_FALSE(asked.identities.contains(identity_of(run.request)));
  }
}

TEST_CASE("every trial of a known run is made of it, and each run is known once") {
  const Folder folder;
  const spec::Spec spec = fake_spec(folder.path, all_kinds());
  std::set<RunIdentity> identities;
  std::set<std::string> names;
  int refusions = 0;
  for (const KnownRun& run : known_runs(spec)) {
    CHECK(identities.insert(identity_of(run.request)).second);
    CHECK(names.insert(run.name).second);
    for (const KnownTrial& known : run.trials) {
      CHECK(identity_of(request_of(known.cell, known.proposed)) == identity_of(run.request));
      if (known.cell.method->of == "bilevel(ei,ucb)") ++refusions;
    }
  }
  // Of each task and seed: the recipe, 4 restarts, 4 more points of random_search, 3 of the grid.
  CHECK(identities.size() == 4 * (1 + 4 + 4 + 4));
  CHECK(refusions == 4 * 3);  // those of the start design
  CHECK(known_runs(spec).front().name == "RTE/fine_tune/seed0/trial0");
}

TEST_CASE("what is stopped anywhere while it is made ahead goes on where it stood") {
  const Folder whole;
  FakeTrainer trainer;
  spec::Spec spec = fake_spec(whole.path, {several()[0], several()[3], several()[4]});
  spec.seeds = {7};
  run_all(spec, trainer);
  const std::string expected = everything(spec);
  for (const int questions : {0, 1, 7, 20, 55, 140, 300}) {
    CAPTURE(questions);
    const Folder folder;
    spec.runs_root = folder.path;
    int asked = 0;
    run_ahead(known_runs(spec), trainer, {},
              {.on_progress = {}, .should_stop = [&] { return asked++ >= questions; }});
    if (questions == 55) {  // killed in the middle of a line
      for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path)) {
        if (entry.path().filename() == "journal.jsonl") {
          std::ofstream(entry.path(), std::ios::app) << "{\"inner\":{\"tri";
        }
      }
    }
    make(unmade(known_runs(spec)), trainer);
    run_all(spec, trainer);
    CHECK(everything(spec) == expected);
  }
}

TEST_CASE("processes that make the same runs ahead while others run the cells agree") {
  const Folder whole, shared;
  FakeTrainer trainer;
  spec::Spec spec = fake_spec(whole.path, all_kinds());
  run_all(spec, trainer);
  const std::string expected = everything(spec);
  spec.runs_root = shared.path;
  check_processes([&](int i) {
    FakeTrainer own;
    const Summary summary = i < 3 ? make(known_runs(spec), own) : run_all(spec, own);
    for (const std::string& error : summary.errors) std::fprintf(stderr, "%s\n", error.c_str());
    return summary.errors.empty() && summary.cells_done == summary.cells;
  });
  settle(spec);
  CHECK(run_all(spec, trainer).errors.empty());
  CHECK(everything(spec) == expected);
}

TEST_CASE("a run that cannot be trained is told, and the others are made") {
  const Folder folder;
  const spec::Spec spec = fake_spec(folder.path, several());
  const std::vector<KnownRun> runs = known_runs(spec);
  FakeTrainer trainer;
  trainer.disturb = [&](const RunRequest& request, RunRecord& record) {
    if (identity_of(request) == identity_of(runs[2].request)) throw std::runtime_error("no memory");
    if (identity_of(request) == identity_of(runs[3].request))
      record.status = train::Status::diverged;
  };
  const Summary summary = make(runs, trainer);
  REQUIRE(summary.errors.size() == 1);
  CHECK(summary.errors[0] == runs[2].name + ": no memory");
  CHECK(summary.cells_done == summary.cells - 1);
  CHECK(summary.failed == static_cast<int>(runs[3].trials.size()));
  const std::vector<KnownRun> left = unmade(known_runs(spec));
  REQUIRE(left.size() == 1);
  CHECK(left[0].name == runs[2].name);
}

TEST_CASE("a name that is no known run's is refused") {
  const Folder folder;
  const spec::Spec spec = fake_spec(folder.path, several());
  const std::vector<KnownRun> runs = known_runs(spec);
  const std::vector<std::string> names = {runs[3].name, runs[0].name};
  CHECK(named_runs(runs, names)[0].name == runs[3].name);
  const std::vector<std::string> wrong = {"RTE/bilevel(ei,ucb)/seed0/trial4"};
  CHECK_THROWS_WITH_AS(named_runs(runs, wrong),
                       "'RTE/bilevel(ei,ucb)/seed0/trial4' is none of the runs that are known "
                       "beforehand, such as RTE/fine_tune/seed0/trial0",
                       InputError);
}
