#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bo/acquisition.hpp"
#include "bo/observation.hpp"
#include "bo/space.hpp"

namespace runner::bo {

// Everything here minimises.

// learned: from the outcomes; none, where they look deterministic (fit.hpp).
enum class Noise { deterministic, learned };

struct Options {
  // A row of the table in acquisition.cpp: ei, logei, ucb, pi. "ei+ucb" alternates by the number of
  // observations, "hedge" is a portfolio of all rows (hedge.hpp), "ehvi" the expected hypervolume
  // improvement of y and y2 (hypervolume.hpp).
  std::string acquisition = "logei";
  double beta = 4.0;  // UCB: mean - sqrt(beta) * stddev in standardised outcomes
  int initial = 0;    // points of the start design; 0: start_design(d)
  Noise noise = Noise::learned;
  std::vector<Point>
      starts;  // proposed first, before Sobol or Dirichlet draws (vertices, uniform, ...)
  // > 0: Suggestion::exhausted when the largest EI / sd(y) is below
  double stop_expected_improvement = 0.0;
  // Observed numbers outside the bounds are knowledge, not errors; never proposed or recommended.
  bool keep_outside = false;
};

// Points of the start design of d degrees of freedom where none are asked for: as few as a model
// can begin with. From d alone, since trials may be added between calls.
constexpr int start_design(int degrees_of_freedom) { return std::min(degrees_of_freedom + 1, 4); }

// What the fit found, for people and for diagnostics.csv.
struct Fit {
  std::vector<double> lengthscales;
  double outputscale = 0.0, noise = 0.0, mean = 0.0;  // standardised outcomes
  double log_posterior = 0.0;
  bool warped = false;        // the outcome warp was chosen (leave-one-out likelihood)
  std::vector<double> loo_z;  // leave-one-out z-scores, one per ok observation
  int evaluations = 0;        // likelihood evaluations
  std::string fallback;       // empty, or why a simpler rule was used
};

struct Suggestion {
  Point x;
  std::string source;               // "start", "sobol", an acquisition's name, "random"
  double acquisition_value = 0.0;   // larger is better
  double mean = 0.0, stddev = 0.0;  // latent prediction at x, in units of y
  bool exhausted = false;           // nothing left to gain; x is still a valid point
  // x stands in the history already: every point does, or noise makes another look worth more than
  // a new point
  bool repeated = false;
  std::vector<double> warm_start;  // store beside the observation; may be empty
  std::vector<double> nominees;    // hedge: what each acquisition asked for; to be stored as well
  Fit fit;                         // empty before the first fit
};

// The next point. A pure function of its arguments: the same bytes on any number of threads, in any
// locale, after any interruption. Throws std::invalid_argument when the space or a point is not
// valid.
Suggestion suggest(const Space& space, std::span<const Observation> history, const Options& options,
                   std::uint64_t seed);

// `count` points to be evaluated together; each sees the earlier ones as pending.
std::vector<Suggestion> suggest(const Space& space, std::span<const Observation> history,
                                const Options& options, std::uint64_t seed, int count);

// The observation to keep, or with `ehvi` those that no other dominates, by y ascending; of equal
// ones the first. Deterministic objectives are compared by outcomes, others by posterior means.
// Only ok observations inside the bounds count; empty when there are none.
struct Recommendation {
  std::size_t index = 0;
  std::array<Prediction, 2> predictions;  // of y and y2 there, in their units
};
std::vector<Recommendation> recommend(const Space& space, std::span<const Observation> history,
                                      const Options& options);

// The latent function at each of `points`, in units of y, as the model predicts it that `suggest`
// would ask. Empty where no observation is ok.
std::vector<Prediction> predict(const Space& space, std::span<const Observation> history,
                                const Options& options, std::span<const Point> points);

}  // namespace runner::bo
