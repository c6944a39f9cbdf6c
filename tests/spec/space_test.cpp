#include "spec/space.hpp"

#include <doctest/doctest.h>

#include "spec_file.hpp"

using namespace runner;
using namespace runner::spec;

namespace {

std::string error_of(const std::string& text) {
  const SpecFile file(text, "space.yaml");
  try {
    load_space("space.yaml");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a space for suggest is read with every type of variable") {
  const SpecFile file(R"(goal: maximise
objective: score
variables:
  lr:     {type: real, low: 1e-6, high: 1e-4, scale: log}
  layers: {type: integer, low: -2, high: 12}
  batch:  {type: choice, values: [8, 16, 032]}
  w:      {type: simplex, size: 3}
)",
                      "space.yaml");
  const SuggestSpace space = load_space("space.yaml");
  CHECK(space.maximise);
  CHECK(space.objective == "score");
  REQUIRE(space.space.variables.size() == 4);
  const auto& variables = space.space.variables;
  CHECK(variables[0].type == bo::Type::real);
  CHECK(variables[0].low == 1e-6);
  CHECK(variables[0].high == 1e-4);
  CHECK(variables[0].log);
  CHECK(variables[1].type == bo::Type::integer);
  CHECK(variables[1].low == -2.0);
  CHECK_FALSE(variables[1].log);
  CHECK(variables[2].values == std::vector<std::string>{"8", "16", "032"});
  CHECK(variables[3].size == 3);
  CHECK(space.columns() == std::vector<std::string>{"lr", "layers", "batch", "w_1", "w_2", "w_3"});
}

TEST_CASE("the least space minimises y") {
  const SpecFile file("variables: {x: {type: real, low: 0, high: 1}}\n", "space.yaml");
  const SuggestSpace space = load_space("space.yaml");
  CHECK_FALSE(space.maximise);
  CHECK(space.objective == "y");
}

TEST_CASE("a wrong space names all that is wrong") {
  CHECK(
      error_of("goal: maximize\nvariables:\n  x: {low: 0, high: 1}\n  y: {type: choice}\n  z: "
               "{type: integer, low: 3, high: 1}\n") ==
      R"(space.yaml:1:7: unknown goal 'maximize'; did you mean 'maximise'? (known: minimise, maximise)
  goal: maximize
        ^
space.yaml:3:3: two columns of the history would be called 'y'
    x: {low: 0, high: 1}
    ^
space.yaml:3:6: variables.x.type is missing
    x: {low: 0, high: 1}
       ^
space.yaml:4:6: variables.y.values is missing
    y: {type: choice}
       ^
space.yaml:5:27: variables.z.low is 3, above variables.z.high, which is 1
    z: {type: integer, low: 3, high: 1}
                            ^)");
  CHECK(error_of("variables: {}\n") ==
        "space.yaml:1:12: variables: no variables\n  variables: {}\n             ^");
  CHECK(error_of("variables: {w: {type: simplex, size: 0}}\n") ==
        "space.yaml:1:38: variables.w.size is 0; it must be from 1 to 1000\n"
        "  variables: {w: {type: simplex, size: 0}}\n"
        "                                       ^");
  CHECK(error_of("variables: {x: {type: real, low: 0, high: 1, scale: log}}\n") ==
        "space.yaml:1:34: variables.x.low is 0; with 'scale: log' it must be above 0\n"
        "  variables: {x: {type: real, low: 0, high: 1, scale: log}}\n"
        "                                   ^");
}
