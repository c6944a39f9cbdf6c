#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

namespace runner::report {

// NaN stands for what cannot be computed from so few values.

double mean(std::span<const double> values);    // of none: NaN
double stddev(std::span<const double> values);  // sample standard deviation (n - 1); n < 2: NaN

// The p-quantile of values in ascending order, linear between order statistics (Hyndman and Fan
// 1996, type 7: R's and NumPy's default). 0 <= p <= 1.
double quantile(std::span<const double> ascending, double p);

// Values of several strata: here paired differences, a stratum for each task, a value for each
// seed. Their statistic is the mean of the strata's means, as GLUE averages tasks.
using Strata = std::vector<std::vector<double>>;

struct Interval {
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();
};

// The mean of the T strata's means, and how far it may be from the truth by Student's t with
// Satterthwaite's (1946) degrees of freedom:
//   v_t = s_t^2 / n_t    error^2 = sum v_t / T^2    freedom = (sum v_t)^2 / sum v_t^2 / (n_t - 1)
struct Estimate {
  double difference = std::numeric_limits<double>::quiet_NaN();  // an empty stratum: NaN
  // NaN unless every stratum has two values and one of them a spread: where nothing varies, nothing
  // is known of what another seed would do.
  double error = std::numeric_limits<double>::quiet_NaN();
  double freedom = std::numeric_limits<double>::quiet_NaN();

  Interval interval(double level) const;  // difference -+ t error; NaN without an error
  double p_value() const;                 // two-sided, of "no difference"; NaN without an error
};

Estimate estimate(const Strata& strata);

// Holm's (1979) step-down correction of a family of tests. A test without a p-value (NaN) stays
// without one but counts: the family is what was asked, not what could be answered.
struct Corrected {
  double p_value = std::numeric_limits<double>::quiet_NaN();
  int factor = 1;  // that its own p-value was multiplied by
};
std::vector<Corrected> correct_by_holm(std::span<const double> p_values);

// What a comparison says at a level of 5 %.
//   better, worse  the corrected p-value is below .05
//   equal          the 90 % interval lies within -+ equivalence (two one-sided tests, Schuirmann
//                  1987), and no difference was shown
//   undecided      else
//   none           there is no interval to read
enum class Verdict { none, better, worse, equal, undecided };
inline constexpr double kLevel = 0.95;  // of the intervals that are shown
inline constexpr double kSignificance = 0.05;
inline constexpr double kEquivalenceLevel = 0.90;

std::string_view verdict_name(Verdict verdict);  // "better"; none is "none"

Verdict judge(const Estimate& estimate, const Corrected& corrected, double equivalence);

// The fewest values per stratum at which these means and standard deviations would be a verdict
// with the same correction; 0: not with 1,000 either. For strata with an estimate.
int values_to_decide(const Strata& strata, int factor, double equivalence);

// Two-sided paired randomisation test of "no difference" (Fisher 1935): the signs of the
// differences are exchangeable. All 2^n sign patterns for n <= 16 values, else `draws` random ones
// and the observed one ((1 + hits) / (1 + draws), Phipson and Smyth 2010). NaN for no values.
double sign_flip_p_value(const Strata& strata, int draws, std::uint64_t seed);

// McNemar's exact two-sided test that two classifiers err equally often, from the rows that only
// one of them got right; of no such rows: 1.
double mcnemar_p_value(int only_first, int only_second);

}  // namespace runner::report
