#include "bench/problems.hpp"

#include <doctest/doctest.h>

#include "bench/study.hpp"

namespace runner::bench {
namespace {

TEST_CASE("every problem of the benchmark has its minimum where it says") {
  for (const Problem& problem : problems()) {
    CAPTURE(problem.name);
    StudyOptions options;
    options.budget = problem.budget / 2;
    const StudyResult row = run_study(problem, {}, options);
    CHECK(row.regret.back() >= -1e-9);
    CHECK(row.regret.back() < row.regret.front() + 1e-12);
  }
}

}  // namespace
}  // namespace runner::bench
