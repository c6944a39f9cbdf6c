#include "bo/warp.hpp"

#include <algorithm>
#include <cmath>

namespace runner::bo {
namespace {

constexpr double kFarthest = 1e12;  // t beyond it counts as this: sums of squares stay finite

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
    mean_ = 0.0;
    return;  // constant outcomes: z = 0
  }
  const auto n = static_cast<double>(y.size());
  std::vector<double> warped;
  for (const double value : y) {
    const double t = unit(value);
    warped.push_back(strength_ > 0.0 ? std::log1p(strength_ * t) / strength_ : t);
    log_jacobian_ -= std::log1p(strength_ * t);
  }
  for (const double w : warped) mean_ += w / n;
  double variance = 0.0;
  for (const double w : warped) variance += (w - mean_) * (w - mean_) / n;
  stddev_ = std::sqrt(variance);
  log_jacobian_ -= n * std::log(stddev_);  // and n log(scale), the same for every strength
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
  return best_ + 2.0 * scale_ * t;
}

double Warp::slope(double z) const {
  const double w = mean_ + stddev_ * z;
  return 2.0 * scale_ * stddev_ * (strength_ > 0.0 ? std::exp(strength_ * w) : 1.0);
}

}  // namespace runner::bo
