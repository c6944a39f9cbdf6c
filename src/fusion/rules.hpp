#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "bo/suggest.hpp"
#include "fusion/options.hpp"

namespace runner::fusion {

// A fusion asks a finished run about mixes of its K snapshots, one after the other, until it knows
// the weights. Each question is a pure function of the answers so far, so that a fusion goes on
// wherever a journal stopped.

// A mix and what the run said of it; NaN and empty: not asked.
struct Measured {
  std::vector<double> alpha;                               // [K], >= 0, sum 1
  double loss = std::numeric_limits<double>::quiet_NaN();  // training loss on the fusion subset
  std::vector<double> gradient;                            // [K]: d loss / d alpha
  double selection_loss = std::numeric_limits<double>::quiet_NaN();
  double selection_score = std::numeric_limits<double>::quiet_NaN();
  std::vector<double> warm_start, nominees;  // Step::why's
};
// The value to be minimised.
double value_of(const Measured& measured, Objective objective);

struct Progress {
  int snapshots;  // K
  const Options& options;
  std::span<const Measured> measured;  // the answers so far, in order
  std::uint64_t seed;                  // the trial's
};

struct Step {
  enum class Kind {
    measure,  // ask the run about `alpha`
    weights,  // the fused model is that of `alpha`
    average,  // the fused model is the run's own exponential moving average
  } kind = Kind::weights;
  std::vector<double> alpha;  // [K]
  // What to measure; a gradient brings the loss along, as selection does its loss and score.
  bool loss = false, gradient = false, selection = false;
  Objective objective = Objective::training_loss;  // what the measured mixes compete by
  bo::Suggestion why;  // source and, of the inner loop, what its model expects; `x` is moved out
};

// No mix has a finite value to choose by.
class NothingFinite : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Rule {
  std::string_view name;
  std::string_view summary;
  // Throws NothingFinite.
  Step (*next)(const Progress& progress);
};

// Every rule that a spec may name, in the order that `runner list` prints.
std::span<const Rule> rules();
// Null when there is none of this name.
const Rule* find_rule(std::string_view name);

// First points of the inner loop: each vertex (a single snapshot, the last first), uniform (SWA),
// and the means of the 2, 4, ... < K last (LAWA). In bf16 also the points that cut the segment from
// the last snapshot to the uniform mean into five equal parts. Each [K], no point twice.
std::vector<std::vector<double>> inner_starts(int snapshots, Precision precision);

// The variance of what is not smooth in values at equal steps along a segment: the mean square of
// their third differences / 20 (a third difference of white noise has 20 times its variance). NaN
// of fewer than four values or where one is not finite.
double wiggle_variance(std::span<const double> values);

// The rules that search (fusion/search.cpp). search_one: argmin over the simplex of
// options.objective by BO. search_two: options.objective and options.second at once by expected
// hypervolume improvement, then the mix that is best by the second. descend: mirror descent on the
// training loss from the mean of all.
Step search_one(const Progress& progress);
Step search_two(const Progress& progress);
Step descend(const Progress& progress);

}  // namespace runner::fusion
