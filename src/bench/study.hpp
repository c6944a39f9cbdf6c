#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bench/problems.hpp"
#include "bo/suggest.hpp"

namespace runner::bench {

// One study of one problem: what `runner bench bo` prints and the regret test judges.
struct StudyResult {
  std::vector<double> regret;  // after each evaluation: best true value so far minus the minimum
  double recommended = 0.0;    // true regret of recommend() at the end
  double cpu_seconds = 0.0;    // processor time per model-based suggestion
  int near_duplicates = 0;     // suggestions within 1e-3 of an earlier point, unit cube
};

struct StudyOptions {
  bo::Options suggest;
  std::uint64_t seed = 0;
  int budget = 0;             // 0: the problem's
  double noise_stddev = 0.0;  // Gaussian noise on the observed values
};

// `starts` are the first points, in the unit cube; empty: the start design of `suggest`.
StudyResult run_study(const Problem& problem, const std::vector<std::vector<double>>& starts,
                      const StudyOptions& options);

}  // namespace runner::bench
