#include "report/statistics.hpp"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <cstddef>
#include <functional>
#include <numeric>

#include "random/philox.hpp"

namespace runner::report {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostEnumerated = 16;
constexpr int kMostValues = 1000;

// Strata as far as the t interval looks at them.
struct Moments {
  double mean = kNaN, variance = kNaN, size = 0.0;
};

Estimate estimate_of(std::span<const Moments> strata) {
  Estimate result;
  if (strata.empty()) return result;
  const auto count = static_cast<double>(strata.size());
  double sum = 0.0, variances = 0.0, squares = 0.0;
  for (const Moments& stratum : strata) {
    const double variance = stratum.variance / stratum.size;
    sum += stratum.mean;
    variances += variance;  // NaN once one of them is
    squares += variance * variance / (stratum.size - 1.0);
  }
  result.difference = sum / count;
  if (variances > 0.0 && squares > 0.0) {  // squares: not below the smallest number either
    result.error = std::sqrt(variances) / count;
    result.freedom = variances * variances / squares;
  }
  return result;
}

std::vector<Moments> moments_of(const Strata& strata) {
  std::vector<Moments> moments;
  for (const auto& stratum : strata) {
    // Equal values have no spread, whatever rounding says of their mean.
    const bool equal = std::ranges::adjacent_find(stratum, std::not_equal_to{}) == stratum.end();
    const double spread = stratum.size() > 1 && equal ? 0.0 : stddev(stratum);
    moments.push_back({mean(stratum), spread * spread, static_cast<double>(stratum.size())});
  }
  return moments;
}

}  // namespace

double mean(std::span<const double> values) {
  if (values.empty()) return kNaN;
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

double stddev(std::span<const double> values) {
  if (values.size() < 2) return kNaN;
  const double center = mean(values);
  double sum = 0.0;
  for (const double value : values) sum += (value - center) * (value - center);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

double quantile(std::span<const double> ascending, double p) {
  if (ascending.empty()) return kNaN;
  const double at = p * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, ascending.size() - 1);
  const double share = at - static_cast<double>(below);
  return ascending[below] + share * (ascending[above] - ascending[below]);
}

Interval Estimate::interval(double level) const {
  if (std::isnan(error)) return {};
  const boost::math::students_t_distribution<double> t(freedom);
  const double half =
      error * boost::math::quantile(boost::math::complement(t, (1.0 - level) / 2.0));
  return {difference - half, difference + half};
}

double Estimate::p_value() const {
  if (std::isnan(error)) return kNaN;
  const boost::math::students_t_distribution<double> t(freedom);
  return 2.0 * boost::math::cdf(boost::math::complement(t, std::abs(difference) / error));
}

Estimate estimate(const Strata& strata) { return estimate_of(moments_of(strata)); }

std::vector<Corrected> correct_by_holm(std::span<const double> p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return p_values[a] < p_values[b] || (std::isnan(p_values[b]) && !std::isnan(p_values[a]));
  });
  std::vector<Corrected> corrected(p_values.size());
  double largest = 0.0;
  auto factor = static_cast<int>(p_values.size());
  for (const std::size_t i : order) {
    corrected[i].factor = factor;
    if (!std::isnan(p_values[i])) {
      largest = std::max(largest, std::min(1.0, factor * p_values[i]));
      corrected[i].p_value = largest;
    }
    --factor;
  }
  return corrected;
}

Verdict judge(const Estimate& estimate, const Corrected& corrected, double equivalence) {
  if (std::isnan(estimate.error)) return Verdict::none;
  if (corrected.p_value < kSignificance) {
    return estimate.difference > 0.0 ? Verdict::better : Verdict::worse;
  }
  const Interval interval = estimate.interval(kEquivalenceLevel);
  const bool within = interval.low > -equivalence && interval.high < equivalence;
  return within ? Verdict::equal : Verdict::undecided;
}

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::none:
      break;
    case Verdict::better:
      return "better";
    case Verdict::worse:
      return "worse";
    case Verdict::equal:
      return "equal";
    case Verdict::undecided:
      return "undecided";
  }
  return "none";
}

int values_to_decide(const Strata& strata, int factor, double equivalence) {
  std::vector<Moments> moments = moments_of(strata);
  const auto decides = [&](int values) {
    for (Moments& stratum : moments) stratum.size = values;
    const Estimate at = estimate_of(moments);
    const Verdict verdict = judge(at, {std::min(1.0, factor * at.p_value()), factor}, equivalence);
    return verdict != Verdict::undecided;
  };
  if (!decides(kMostValues)) return 0;
  // More values only ever narrow the interval.
  int undecided = 1, decided = kMostValues;
  while (decided - undecided > 1) {
    const int middle = undecided + (decided - undecided) / 2;
    (decides(middle) ? decided : undecided) = middle;
  }
  return decided;
}

double sign_flip_p_value(const Strata& strata, int draws, std::uint64_t seed) {
  // The mean of means is a weighted sum, so a pattern of signs needs one pass over the terms.
  std::vector<double> terms;
  for (const auto& stratum : strata) {
    for (const double value : stratum) {
      terms.push_back(value / static_cast<double>(stratum.size() * strata.size()));
    }
  }
  if (terms.empty()) return kNaN;
  double observed = 0.0;
  double scale = 0.0;
  for (const double term : terms) {
    observed += term;
    scale += std::abs(term);
  }
  // Patterns that tie with the observed one must not be lost to rounding.
  const double threshold = std::abs(observed) - 1e-12 * scale;
  const auto reaches = [&](auto&& negative) {
    double sum = 0.0;
    for (std::size_t i = 0; i < terms.size(); ++i) sum += negative(i) ? -terms[i] : terms[i];
    return std::abs(sum) >= threshold;
  };
  std::uint64_t hits = 0;
  if (terms.size() <= kMostEnumerated) {
    const std::uint64_t patterns = std::uint64_t{1} << terms.size();
    for (std::uint64_t pattern = 0; pattern < patterns; ++pattern) {
      hits += reaches([&](std::size_t i) { return (pattern >> i & 1) != 0; }) ? 1U : 0U;
    }
    return static_cast<double>(hits) / static_cast<double>(patterns);
  }
  random::Stream stream(seed);
  for (int draw = 0; draw < draws; ++draw) {
    hits += reaches([&](std::size_t) { return stream() >> 63 != 0; }) ? 1U : 0U;
  }
  return (1.0 + static_cast<double>(hits)) / (1.0 + draws);
}

double mcnemar_p_value(int only_first, int only_second) {
  if (only_first + only_second == 0) return 1.0;
  const boost::math::binomial_distribution<double> even(only_first + only_second, 0.5);
  return std::min(1.0, 2.0 * boost::math::cdf(even, std::min(only_first, only_second)));
}

}  // namespace runner::report
