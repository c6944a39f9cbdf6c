#include "bo/suggest.hpp"

#include <doctest/doctest.h>

#include "bo/bench.hpp"

namespace runner::bo {
namespace {

Space box(int dimensions) {
  Space space;
  for (int i = 0; i < dimensions; ++i) {
    space.variables.emplace_back().name = "x" + std::to_string(i);
  }
  return space;
}

TEST_CASE("starts come first, then the design, then the acquisition") {
  const Space space = box(2);
  Options options;
  options.starts = {{0.5, 0.5}, {1.0, 0.0}};
  options.initial = 4;
  std::vector<Observation> history;
  std::vector<std::string> sources;
  for (int i = 0; i < 6; ++i) {
    const Suggestion s = suggest(space, history, options, 7);
    sources.push_back(s.source);
    Observation& o = history.emplace_back();
    o.x = s.x;
    o.y = s.x[0] + s.x[1];
    o.warm_start = s.warm_start;
  }
  CHECK(sources == std::vector<std::string>{"start", "start", "sobol", "sobol", "logei", "logei"});
}

TEST_CASE("every problem of the benchmark has its minimum where it says") {
  for (const Problem& problem : problems()) {
    CAPTURE(problem.name);
    BenchOptions options;
    options.budget = problem.budget / 2;
    const BenchRow row = bench(problem, {}, options);
    CHECK(row.regret.back() >= -1e-9);
    CHECK(row.regret.back() < row.regret.front() + 1e-12);
  }
}

}  // namespace
}  // namespace runner::bo
