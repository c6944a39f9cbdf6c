#pragma once

#include <armadillo>

namespace runner::bo {

// Outcomes y (finite, minimised) to standardised outcomes z and back. With t = (y - min y) / s, s
// the distance from the least to the median:
//   z = (w(t) - mean) / sd,   w(t) = log1p(strength t) / strength,  or t at strength 0.
// A positive strength compresses the bad side, up to a logarithm above the best value; it is for
// objectives that span orders of magnitude (Jones, Schonlau, Welch 1998, section 4, take logs;
// Snelson, Rasmussen, Ghahramani 2004 learn such a warp). Monotone, so the order stays.
class Warp {
 public:
  Warp(const arma::vec& y, double strength);

  double strength() const { return strength_; }
  arma::vec forward(const arma::vec& y) const;
  double inverse(double z) const;
  // dy/dz at z.
  double slope(double z) const;
  // A standard deviation of z at z as one of y, to first order; finite.
  double stddev(double z, double stddev_of_z) const;
  // The same in units of the standard deviation of the y it was made of.
  double relative_slope(double z) const;
  // sum of log dz/dy over the y it was made of: what makes densities of z under different
  // strengths comparable.
  double log_jacobian() const { return log_jacobian_; }

 private:
  arma::vec unit(const arma::vec& y) const;    // t
  arma::vec warped(const arma::vec& t) const;  // w(t)
  double dt_dw(double w) const { return strength_ > 0.0 ? std::exp(strength_ * w) : 1.0; }

  double strength_, best_ = 0.0, scale_ = 1.0;  // t = (y - best) / (2 scale)
  double mean_ = 0.0, stddev_ = 1.0;            // of w(t)
  double unit_stddev_ = 1.0;                    // of t
  double log_jacobian_ = 0.0;
};

}  // namespace runner::bo
