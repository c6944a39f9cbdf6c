#include "spec/comparisons.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "io/file.hpp"
#include "spec/load.hpp"
#include "spec/resolved.hpp"
#include "spec_file.hpp"

using namespace runner;
using namespace runner::spec;

namespace {

constexpr const char* kSearches = R"(model: tiny
tasks: [RTE, WNLI]
search: {lr: {type: real, low: 1e-5, high: 1e-4, scale: log}}
recipe: {lr: 2e-5}
outer: {trials: 8}
methods: [fine_tune, swa, random_search, bo]
pairs: all
)";

std::vector<std::string> family(const Spec& spec) {
  std::vector<std::string> texts;
  for (const Contrast& contrast : spec.comparisons) {
    texts.push_back(contrast.method + " against " + contrast.against);
  }
  return texts;
}

}  // namespace

TEST_CASE("without a word all are compared with fine_tune, and pairs with the other searches") {
  const Spec spec = SpecFile(kSearches).load();
  CHECK(spec.baseline == "fine_tune");
  REQUIRE(spec.primary.has_value());
  CHECK(*spec.primary == Contrast{"bilevel(ei,ucb)", "bo(logei)"});
  const auto texts = family(spec);
  CHECK(texts.size() == 7 + 4 * 2 - 1);  // the primary comparison stands by itself
  CHECK(texts[0] == "swa against fine_tune");
  CHECK(texts[2] == "bo(logei) against fine_tune");
  CHECK(std::ranges::find(texts, "bilevel(ucb,ei) against bo(logei)") != texts.end());
  CHECK(std::ranges::find(texts, "bilevel(ei,ucb) against random_search") != texts.end());
  CHECK(std::ranges::find(texts, "bilevel(ei,ucb) against bo(logei)") == texts.end());
  CHECK(spec.equivalence == 0.5);
  CHECK(spec.measure_chance);
}

TEST_CASE("a spec says what it compares") {
  const SpecFile file(std::string(kSearches) + R"(baseline: swa
primary: swa against fine_tune
comparisons: [bo against random_search]
equivalence: 0.25
at_chance: [WNLI]
)");
  const Spec spec = file.load();
  CHECK(spec.baseline == "swa");
  CHECK(*spec.primary == Contrast{"swa", "fine_tune"});
  CHECK(family(spec) == std::vector<std::string>{"bo(logei) against random_search"});
  CHECK(spec.equivalence == 0.25);
  CHECK_FALSE(spec.measure_chance);
  CHECK(spec.at_chance == std::vector<std::string>{"WNLI"});
  // And the resolved spec says the same.
  const Spec again = SpecFile(resolved_yaml(spec)).load();
  CHECK(again.baseline == spec.baseline);
  CHECK(again.primary == spec.primary);
  CHECK(again.comparisons == spec.comparisons);
  CHECK(again.equivalence == spec.equivalence);
  CHECK(again.at_chance == spec.at_chance);
  CHECK_FALSE(again.measure_chance);

  const Spec none = SpecFile(std::string(kSearches) +
                             "baseline: none\nprimary: none\ncomparisons: none\nat_chance: none\n")
                        .load();
  CHECK(none.baseline.empty());
  CHECK_FALSE(none.primary.has_value());
  CHECK(none.comparisons.empty());
  const Spec none_again = SpecFile(resolved_yaml(none)).load();
  CHECK(none_again.comparisons.empty());
  CHECK(none_again.baseline.empty());
  CHECK_FALSE(none_again.measure_chance);
}

TEST_CASE("what is compared must be there, once, and not with itself") {
  const SpecFile file(std::string(kSearches) + R"(baseline: swaa
primary: swa and fine_tune
comparisons: [swa against swa, bo against bilevel, swa against bo, swa against bo]
equivalence: 0
at_chance: [CoLA]
published: nowhere.csv
)");
  const std::string problems = file.error();
  const char* const several =
      "comparisons: 'bilevel' could be bilevel(ei,ei), bilevel(ei,ucb), bilevel(ucb,ei), "
      "bilevel(ucb,ucb)";
  for (const char* text : {"baseline: unknown method 'swaa'; did you mean 'swa'?",
                           "primary: 'swa and fine_tune' is not 'METHOD against METHOD'",
                           "comparisons: 'swa' is compared with itself", several,
                           "comparisons: 'swa against bo(logei)' is listed twice", "equivalence",
                           "at_chance: unknown task 'CoLA'", "nowhere.csv"}) {
    CAPTURE(text);
    CHECK(problems.find(text) != std::string::npos);
  }
}

TEST_CASE("published rows are read with their lines, and what is wrong in them named") {
  const SpecFile file(std::string(kSearches) + "published: paper.csv\n");
  io::write_file_atomic(file.folder() / "paper.csv",
                        "method,RTE,average,source\nBilevel-BO-SWA,,76.82,arXiv\n");
  const Spec spec = file.load();
  REQUIRE(spec.published.size() == 1);
  CHECK(spec.published[0].method == "Bilevel-BO-SWA");
  CHECK(spec.published[0].scores ==
        std::vector<std::pair<std::string, double>>{{"average", 76.82}});
  CHECK(spec.published[0].source == "arXiv");

  io::write_file_atomic(file.folder() / "paper.csv", "method,RTEE,WNLI\na,1,7000\nb,1\n");
  const std::string problems = file.error();
  CHECK(problems.find("paper.csv:1: unknown column 'RTEE'; did you mean 'RTE'?") !=
        std::string::npos);
  CHECK(problems.find("paper.csv:2: WNLI: '7000' is no score from -100 to 100") !=
        std::string::npos);
  CHECK(problems.find("paper.csv:3: 2 fields, where the first line has 3") != std::string::npos);
}
