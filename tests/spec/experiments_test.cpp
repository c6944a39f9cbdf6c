#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "fusion/rules.hpp"
#include "places.hpp"
#include "spec/load.hpp"
#include "spec/preflight.hpp"
#include "spec/resolved.hpp"
#include "spec_file.hpp"

using namespace runner;
using namespace runner::spec;
namespace fs = std::filesystem;

TEST_CASE("every spec in experiments/ loads, and resolves to itself") {
  int found = 0;
  for (const auto& entry : fs::directory_iterator(source_dir() / "experiments")) {
    if (entry.path().extension() != ".yaml") continue;
    CAPTURE(entry.path());
    ++found;
    const Spec spec = load(entry.path());
    CHECK(spec.name == entry.path().stem());
    const SpecFile resolved(resolved_yaml(spec));
    CHECK(resolved_yaml(resolved.load()) == resolved_yaml(spec));
  }
  CHECK(found >= 4);
}

TEST_CASE("every search in experiments/ leaves half to its model and looks at dev once") {
  for (const auto& entry : fs::directory_iterator(source_dir() / "experiments")) {
    if (entry.path().extension() != ".yaml") continue;
    CAPTURE(entry.path());
    const Spec spec = load(entry.path());
    CHECK(spec.warnings.empty());
    for (const Method& method : spec.methods) {
      CAPTURE(method.name);
      if (method.search == Search::bo) CHECK(spec.outer.trials >= 2 * start_trials(spec));
      if (method.inner.empty()) continue;
      for (const TaskEntry& task : spec.tasks) {
        const auto starts =
            fusion::inner_starts(task.recipe.train.snapshots, task.recipe.fusion_precision())
                .size();
        CHECK(task.recipe.fusion.evaluations >= static_cast<int>(2 * starts));
      }
    }
    if (entry.path().stem() != "glue_all") CHECK(spec.holdout > 0.0);
  }
}

TEST_CASE("the paper's experiment is what the paper says") {
  const Spec spec = load(source_dir() / "experiments/glue_all.yaml");
  CHECK(spec.model.filename() == "roberta-base");
  CHECK(spec.tasks.size() == 9);
  CHECK(spec.seeds.size() == 5);
  CHECK(spec.holdout == 0.0);
  for (const char* name :
       {"fine_tune", "bilevel(ei,ei)", "bilevel(ei,ucb)", "bilevel(ucb,ei)", "bilevel(ucb,ucb)"}) {
    CHECK(std::ranges::find(spec.methods, name, &Method::name) != spec.methods.end());
  }
}

TEST_CASE("the quickstart needs nothing but what the repository holds") {
  for (const char* root : {"RUNNER_GLUE", "RUNNER_MODELS"}) ::unsetenv(root);
  const Spec spec = load(source_dir() / "experiments/quickstart.yaml");
  CHECK(spec.tasks.size() == 9);
  CHECK(missing_files(spec).empty());
}
