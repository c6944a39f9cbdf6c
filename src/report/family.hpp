#pragma once

#include <limits>
#include <string>
#include <vector>

#include "report/resample.hpp"
#include "report/scores.hpp"
#include "report/statistics.hpp"

namespace runner::report {

// One comparison of two methods, on the average over all tasks.
struct Comparison {
  const spec::Method* method = nullptr;
  const spec::Method* against = nullptr;
  bool primary = false;  // by itself; the others are one family
  Strata differences;    // a stratum for each task, a value for each seed that both have
  Estimate estimate;
  double p_value = std::numeric_limits<double>::quiet_NaN();
  Corrected corrected;
  double sign_flip = std::numeric_limits<double>::quiet_NaN();
  Interval rows;  // rows and seeds resampled; with one seed rows alone, "for these trained models"
  Verdict verdict = Verdict::none;
  int seeds_to_decide = 0;  // undecided: that would be a verdict at this spread; 0: over 1,000

  int pairs() const;
};

// The spec's primary comparison, if there is one, and then its family.
std::vector<Comparison> compare(const spec::Spec& spec, const Scores& scores,
                                const Resampled& resampled);

// "better", "undecided (12 seeds)", or why there is no verdict: "one seed", "no spread",
// "not complete".
std::string verdict_text(const Comparison& comparison);

std::string range_text(const Interval& interval);  // "[-0.31, 1.20]", or a dash
// What the comparisons' columns say, in one sentence.
std::string family_caption(const spec::Spec& spec);

// A comparison of the family or the primary one; null when it is not among them.
const Comparison* find_comparison(const std::vector<Comparison>& comparisons,
                                  const spec::Method& method, const spec::Method& against);

}  // namespace runner::report
