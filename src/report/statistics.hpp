#pragma once

#include <cstdint>
#include <limits>
#include <span>
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

double mean_of_means(const Strata& strata);  // NaN when there is no stratum or an empty one

struct Interval {
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();
};

// Percentile bootstrap interval of the mean of means (Efron and Tibshirani 1993, 13.3): each
// stratum is resampled by itself. NaN unless every stratum has two values at least.
Interval bootstrap_interval(const Strata& strata, double level, int resamples, std::uint64_t seed);

// Two-sided paired randomisation test of "no difference" (Fisher 1935): the signs of the
// differences are exchangeable. All 2^n sign patterns for n <= 16 values, else `draws` random ones
// and the observed one ((1 + hits) / (1 + draws), Phipson and Smyth 2010). NaN for no values.
double sign_flip_p_value(const Strata& strata, int draws, std::uint64_t seed);

}  // namespace runner::report
