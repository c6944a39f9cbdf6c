#include "spec/space.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "spec/suggest_space.hpp"
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
  REQUIRE(space.goals.size() == 1);
  CHECK(space.goals[0].maximise);
  CHECK(space.goals[0].objective == "score");
  CHECK(space.goals[0].noise.empty());
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
  REQUIRE(space.goals.size() == 1);
  CHECK_FALSE(space.goals[0].maximise);
  CHECK(space.goals[0].objective == "y");
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

TEST_CASE("two objectives have a direction and a known noise each") {
  const std::string variables = "variables: {x: {type: real, low: 0, high: 1}}\n";
  const auto goals = [&](const std::string& text) {
    const SpecFile file(text + variables, "space.yaml");
    return load_space("space.yaml").goals;
  };
  for (const char* goal :
       {"[minimise, maximise]", "{score: maximise}", "{score: maximise, loss: minimise}"}) {
    CAPTURE(goal);
    const auto read = goals(fmt::format("objective: [loss, score]\ngoal: {}\n", goal));
    REQUIRE(read.size() == 2);
    CHECK_FALSE(read[0].maximise);
    CHECK(read[1].maximise);
  }
  CHECK(goals("objective: [a, b]\ngoal: maximise\n")[1].maximise);
  const auto noisy = goals("objective: [a, b]\nstddev: {a: sd}\nvariance: {b: var}\n");
  CHECK(noisy[0].noise == "sd");
  CHECK_FALSE(noisy[0].is_variance);
  CHECK(noisy[1].noise == "var");
  CHECK(noisy[1].is_variance);
  CHECK(goals("objective: a\nstddev: sd\n")[0].noise == "sd");

  const auto first_line = [&](const std::string& text) {
    const std::string error = error_of(text + variables);
    return error.substr(0, error.find('\n'));
  };
  CHECK(first_line("objective: [a, b, c]\n") ==
        "space.yaml:1:12: objective: 3 of them; 2 are the most");
  CHECK(first_line("objective: [a, b]\ngoal: [minimise]\n") ==
        "space.yaml:2:7: goal has 1 entries for 2 objectives");
  CHECK(first_line("objective: [a, b]\ngoal: {c: minimise}\n") ==
        "space.yaml:2:8: unknown key in goal 'c' (known: a, b)");
  CHECK(first_line("stddev: sd\nvariance: var\n") ==
        "space.yaml:2:11: stddev and variance of 'y': one says it all");
  CHECK(first_line("objective: [a, a]\n").ends_with("would be called 'a'"));
}

TEST_CASE("one value in two spellings is one value too many") {
  CHECK(error_of("variables: {lr: {type: choice, values: [1e-5, 0.00001]}}\n") ==
        "space.yaml:1:47: variables.lr.values: '0.00001' is listed twice, as '1e-5'\n"
        "  variables: {lr: {type: choice, values: [1e-5, 0.00001]}}\n"
        "                                                ^");
  for (const char* values : {"[16, 16.0]", "[true, True]", "[1, true]", "[a, a]", "[0.0, -0.0]"}) {
    CAPTURE(values);
    const std::string error =
        error_of(fmt::format("variables: {{v: {{type: choice, values: {}}}}}\n", values));
    CHECK(error.find("is listed twice") != std::string::npos);
  }
  const SpecFile file("variables: {v: {type: choice, values: [a, A, 1, 1.5, 'yes']}}\n",
                      "space.yaml");
  CHECK(load_space("space.yaml").space.variables[0].values.size() == 5);
}

TEST_CASE("conditions name choices and integers of the same space") {
  const SpecFile file(R"(variables:
  momentum: {type: real, low: 0, high: 1, when: {optimizer: [sgd, nesterov], layers: 2}}
  damping: {type: real, low: 0, high: 1, when: {exact: TRUE, rate: 0.00001}}
  exact: {type: choice, values: [true, false], when: {optimizer: sgd}}
  optimizer: {type: choice, values: [adam, sgd, nesterov]}
  layers: {type: integer, low: 1, high: 4}
  rate: {type: choice, values: [1e-4, 1e-5]}
)",
                      "space.yaml");
  const SuggestSpace space = load_space("space.yaml");
  const auto& variables = space.space.variables;
  REQUIRE(variables[0].when.size() == 2);
  CHECK(variables[0].when[0].parent == 3);
  CHECK(variables[0].when[0].values == std::vector<double>{1, 2});
  CHECK(variables[0].when[1].parent == 4);
  CHECK(variables[0].when[1].values == std::vector<double>{2});
  CHECK(variables[1].when[0].values == std::vector<double>{0});
  CHECK(variables[1].when[1].values == std::vector<double>{1});
  CHECK(variables[3].when.empty());
  // Written and read again they are the same.
  std::string text = "variables:\n";
  for (const bo::Variable& v : variables) {
    text += fmt::format("  {}: {}\n", v.name, written(v, variables));
  }
  const SpecFile again(text, "again.yaml");
  const SuggestSpace back = load_space("again.yaml");
  for (std::size_t i = 0; i < variables.size(); ++i) {
    CHECK(written(back.space.variables[i], back.space.variables) ==
          written(variables[i], variables));
  }
}

TEST_CASE("conditions that cannot be are named at their place") {
  CHECK(error_of(R"(variables:
  a: {type: choice, values: [x, y], when: {b: u}}
  b: {type: choice, values: [u, v], when: {c: s}}
  c: {type: choice, values: [s, t], when: {a: y}}
  lr: {type: real, low: 0, high: 1, when: {lr: 1}}
  m: {type: real, low: 0, high: 1, when: {optimiser: sgd}}
  n: {type: integer, low: 1, high: 4, when: {optimizer: sdg}}
  o: {type: real, low: 0, high: 1, when: {n: 5}}
  p: {type: real, low: 0, high: 1, when: {}}
  q: {type: real, low: 0, high: 1, when: sgd}
  r: {type: choice, values: [1, 2], when: {r: 1}}
  optimizer: {type: choice, values: [adam, sgd]}
)") == R"(space.yaml:2:43: variables.a.when: it depends on itself (a on b on c on a)
    a: {type: choice, values: [x, y], when: {b: u}}
                                            ^
space.yaml:5:44: variables.lr.when: 'lr' is real; a condition can be on a choice or an integer
    lr: {type: real, low: 0, high: 1, when: {lr: 1}}
                                             ^
space.yaml:6:43: unknown variable in variables.m.when 'optimiser'; did you mean 'optimizer'? (known: a, b, c, lr, m, n, o, p, q, r, optimizer)
    m: {type: real, low: 0, high: 1, when: {optimiser: sgd}}
                                            ^
space.yaml:7:57: unknown value of variables.n.when.optimizer 'sdg'; did you mean 'sgd'? (known: adam, sgd)
    n: {type: integer, low: 1, high: 4, when: {optimizer: sdg}}
                                                          ^
space.yaml:8:46: variables.o.when.n is 5; it must be from 1 to 4
    o: {type: real, low: 0, high: 1, when: {n: 5}}
                                               ^
space.yaml:9:42: variables.p.when: no condition
    p: {type: real, low: 0, high: 1, when: {}}
                                           ^
space.yaml:10:42: variables.q.when: expected a map of key: value, not a value
    q: {type: real, low: 0, high: 1, when: sgd}
                                           ^
space.yaml:11:43: variables.r.when: it depends on itself (r on r)
    r: {type: choice, values: [1, 2], when: {r: 1}}
                                            ^)");
}
