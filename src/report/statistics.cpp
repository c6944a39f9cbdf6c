#include "report/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "random/philox.hpp"

namespace runner::report {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostEnumerated = 16;

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

double mean_of_means(const Strata& strata) {
  std::vector<double> means;
  for (const auto& stratum : strata) means.push_back(mean(stratum));
  return mean(means);
}

Interval bootstrap_interval(const Strata& strata, double level, int resamples, std::uint64_t seed) {
  if (strata.empty()) return {};
  for (const auto& stratum : strata) {
    if (stratum.size() < 2) return {};
  }
  random::Stream stream(seed);
  std::vector<double> statistics;
  Strata sample = strata;
  for (int i = 0; i < resamples; ++i) {
    for (std::size_t s = 0; s < strata.size(); ++s) {
      for (double& value : sample[s]) value = strata[s][stream.below(strata[s].size())];
    }
    statistics.push_back(mean_of_means(sample));
  }
  std::ranges::sort(statistics);
  const double tail = (1.0 - level) / 2.0;
  return {quantile(statistics, tail), quantile(statistics, 1.0 - tail)};
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

}  // namespace runner::report
