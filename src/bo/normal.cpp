#include "bo/normal.hpp"

#include <cmath>
#include <numbers>

namespace runner::bo {
namespace {

constexpr double kLogSqrtTwoPi = 0.91893853320467274178;
constexpr double kSeries = -25.0;  // below: the asymptotic series of h
constexpr int kTerms = 10;         // its next term is below 1e-17 there

// Phi(z) / phi(z) for z <= 0, the inverse of the hazard at -z.
double mills(double z) {
  return std::sqrt(std::numbers::pi / 2.0) * erfcx(-z / std::numbers::sqrt2);
}

// s(t) = sum_k (-1)^k (2k+1)!! t^k, so that h = phi t s(t) with t = 1 / z^2; and its derivative.
struct Series {
  double sum = 1.0, slope = 0.0;
};

Series tail_series(double t) {
  Series series;
  double coefficient = 1.0, power = 1.0;  // (-1)^k (2k+1)!! and t^(k-1)
  for (int k = 1; k <= kTerms; ++k) {
    coefficient *= -(2.0 * k + 1.0);
    series.slope += coefficient * k * power;
    power *= t;
    series.sum += coefficient * power;
  }
  return series;
}

}  // namespace

double normal_density(double z) { return std::exp(-0.5 * z * z - kLogSqrtTwoPi); }

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

double erfcx(double x) {
  if (x < 8.0) {
    // x^2 = square + rest exactly: the rest would be lost where x^2 is large.
    const double square = x * x;
    const double rest = std::fma(x, x, -square);
    return std::exp(square) * std::erfc(x) * (1.0 + rest);
  }
  // Abramowitz, Stegun (1964), 7.1.23: the 20th term is the first to grow at x = 8 only below
  // 1e-16.
  const double t = 0.5 / (x * x);
  double sum = 1.0, term = 1.0;
  for (int k = 1; k <= 16; ++k) {
    term *= -(2.0 * k - 1.0) * t;
    sum += term;
  }
  return sum / (x * std::sqrt(std::numbers::pi));
}

double log_h(double z) {
  if (z > -1.0) return std::log(normal_density(z) + z * normal_cdf(z));
  const double log_density = -0.5 * z * z - kLogSqrtTwoPi;
  if (z > kSeries) return log_density + std::log1p(z * mills(z));
  return log_density - 2.0 * std::log(-z) + std::log(tail_series(1.0 / (z * z)).sum);
}

double dlog_h(double z) {
  if (z > -1.0) return normal_cdf(z) / (normal_density(z) + z * normal_cdf(z));
  if (z > kSeries) {
    const double ratio = mills(z);
    return ratio / (1.0 + z * ratio);
  }
  const Series series = tail_series(1.0 / (z * z));
  return -z - 2.0 / z - 2.0 / (z * z * z) * series.slope / series.sum;
}

}  // namespace runner::bo
