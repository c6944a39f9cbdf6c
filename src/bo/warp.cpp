#include "bo/warp.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace runner::bo {
namespace {

constexpr double kFarthest = 1e12;  // t beyond it counts as this: sums of squares stay finite

double mean_of(std::span<const double> x) {
  double mean = 0.0;
  for (const double v : x) mean += v / static_cast<double>(x.size());
  return mean;
}

double stddev_of(std::span<const double> x) {
  const double mean = mean_of(x);
  double variance = 0.0;
  for (const double v : x) variance += (v - mean) * (v - mean) / static_cast<double>(x.size());
  return std::sqrt(variance);
}

// Where a double has no room for the result: the farthest that it has.
double finite(double x) {
  return std::clamp(x, std::numeric_limits<double>::lowest(), std::numeric_limits<double>::max());
}

}  // namespace

Warp::Warp(std::span<const double> y, double strength) : strength_(strength) {
  if (y.empty()) return;
  std::vector<double> sorted(y.begin(), y.end());
  std::sort(sorted.begin(), sorted.end());
  best_ = sorted.front();
  // Halves: the difference of two doubles need not be one. The median, or else the first above
  // the best.
  scale_ = sorted[sorted.size() / 2] / 2.0 - best_ / 2.0;
  for (std::size_t i = sorted.size() / 2; i < sorted.size() && !(scale_ > 0.0); ++i) {
    scale_ = sorted[i] / 2.0 - best_ / 2.0;
  }
  if (!(scale_ > 0.0)) {
    scale_ = 0.5;
    return;  // constant outcomes: z = 0
  }
  std::vector<double> units, warped;
  for (const double value : y) {
    const double t = unit(value);
    units.push_back(t);
    warped.push_back(strength_ > 0.0 ? std::log1p(strength_ * t) / strength_ : t);
    log_jacobian_ -= std::log1p(strength_ * t);
  }
  mean_ = mean_of(warped);
  stddev_ = stddev_of(warped);
  unit_stddev_ = stddev_of(units);
  log_jacobian_ -= static_cast<double>(y.size()) * std::log(stddev_);
}

double Warp::unit(double y) const { return std::min((y / 2.0 - best_ / 2.0) / scale_, kFarthest); }

double Warp::forward(double y) const {
  const double t = unit(y);
  const double w = strength_ > 0.0 ? std::log1p(strength_ * t) / strength_ : t;
  return (w - mean_) / stddev_;
}

double Warp::inverse(double z) const {
  const double w = mean_ + stddev_ * z;
  const double t = strength_ > 0.0 ? std::expm1(strength_ * w) / strength_ : w;
  return finite(best_ + 2.0 * (scale_ * t));
}

double Warp::slope(double z) const {
  const double w = mean_ + stddev_ * z;
  return finite(2.0 * (scale_ * (stddev_ * (strength_ > 0.0 ? std::exp(strength_ * w) : 1.0))));
}

double Warp::stddev(double z, double stddev_of_z) const { return finite(slope(z) * stddev_of_z); }

double Warp::relative_slope(double z) const {
  const double w = mean_ + stddev_ * z;
  return stddev_ / unit_stddev_ * (strength_ > 0.0 ? std::exp(strength_ * w) : 1.0);
}

}  // namespace runner::bo
