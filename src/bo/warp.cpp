#include "bo/warp.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace runner::bo {
namespace {

constexpr double kFarthest = 1e12;  // t beyond it counts as this: sums of squares stay finite

// Where a double has no room for the result: the farthest that it has.
double finite(double x) {
  return std::clamp(x, std::numeric_limits<double>::lowest(), std::numeric_limits<double>::max());
}

}  // namespace

Warp::Warp(const arma::vec& y, double strength) : strength_(strength) {
  if (y.empty()) return;
  // Halves: the difference of two doubles need not be one.
  const arma::vec sorted = arma::sort(y) / 2.0;
  const arma::uword median = sorted.n_elem / 2;
  best_ = y.min();
  scale_ = sorted(median) - sorted(0);
  if (!(scale_ > 0.0)) {  // the first above the best instead
    const arma::uvec above = arma::find(sorted > sorted(0), 1);
    if (above.empty()) {
      scale_ = 0.5;
      return;  // constant outcomes: z = 0
    }
    scale_ = sorted(above(0)) - sorted(0);
  }
  const arma::vec t = unit(y), w = warped(t);
  mean_ = arma::mean(w);
  stddev_ = arma::stddev(w, 1);
  unit_stddev_ = arma::stddev(t, 1);
  log_jacobian_ =
      -arma::accu(arma::log1p(strength_ * t)) - static_cast<double>(y.n_elem) * std::log(stddev_);
}

arma::vec Warp::unit(const arma::vec& y) const {
  return arma::clamp((y / 2.0 - best_ / 2.0) / scale_, -arma::datum::inf, kFarthest);
}

arma::vec Warp::warped(const arma::vec& t) const {
  return strength_ > 0.0 ? arma::vec(arma::log1p(strength_ * t) / strength_) : t;
}

arma::vec Warp::forward(const arma::vec& y) const { return (warped(unit(y)) - mean_) / stddev_; }

double Warp::inverse(double z) const {
  const double w = mean_ + stddev_ * z;
  const double t = strength_ > 0.0 ? std::expm1(strength_ * w) / strength_ : w;
  return finite(best_ + 2.0 * (scale_ * t));
}

double Warp::slope(double z) const {
  return finite(2.0 * (scale_ * (stddev_ * dt_dw(mean_ + stddev_ * z))));
}

double Warp::stddev(double z, double stddev_of_z) const { return finite(slope(z) * stddev_of_z); }

double Warp::relative_slope(double z) const {
  return stddev_ / unit_stddev_ * dt_dw(mean_ + stddev_ * z);
}

}  // namespace runner::bo
