#include "bo/normal.hpp"

#include <cmath>
#include <numbers>

namespace runner::bo {
namespace {

constexpr double kLogSqrtTwoPi = 0.91893853320467274178;
constexpr double kSeries = -25.0;  // below: the asymptotic series of h
constexpr int kTerms = 10;         // its next term is below 1e-17 there

// exp(x^2) erfc(x) for 0 <= x < 26.
double erfcx(double x) {
  // x^2 = square + rest exactly: the rest would be lost where x^2 is large.
  const double square = x * x;
  const double rest = std::fma(x, x, -square);
  return std::exp(square) * std::erfc(x) * (1.0 + rest);
}

// h(z) / phi(z) for z <= -1.
double h_by_density(double z) {
  if (z > kSeries) {
    const double mills = std::sqrt(std::numbers::pi / 2.0) * erfcx(-z / std::numbers::sqrt2);
    return 1.0 + z * mills;
  }
  const double t = 1.0 / (z * z);
  double sum = 1.0, term = 1.0;
  for (int k = 1; k <= kTerms; ++k) {
    term *= -(2.0 * k + 1.0) * t;
    sum += term;
  }
  return t * sum;
}

}  // namespace

double normal_density(double z) { return std::exp(-0.5 * z * z - kLogSqrtTwoPi); }

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

double log_h(double z) {
  if (z > -1.0) return std::log(normal_density(z) + z * normal_cdf(z));
  return -0.5 * z * z - kLogSqrtTwoPi + std::log(h_by_density(z));
}

double dlog_h(double z) {
  if (z > -1.0) return normal_cdf(z) / (normal_density(z) + z * normal_cdf(z));
  const double q = h_by_density(z);  // Phi / phi = (q - 1) / z
  return (q - 1.0) / (z * q);
}

}  // namespace runner::bo
