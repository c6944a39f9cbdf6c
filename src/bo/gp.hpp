#pragma once

#include <span>
#include <vector>

#include "bo/dense.hpp"

namespace runner::bo {

// What a Gaussian process is conditioned on.
struct Data {
  Matrix x;                         // features x points
  std::vector<std::size_t> groups;  // the length scale of each feature
  std::size_t lengthscales = 0;     // how many there are
  std::vector<double> y;            // standardised outcomes, one per point
  std::vector<double> known_noise;  // variance of y where it is known, else NaN; empty: nowhere
};

// k(x, x') = outputscale m(r), m Matérn-5/2, r^2 = sum_f (x_f - x'_f)^2 / lengthscale_f^2;
// y = mean + f(x) + N(0, noise).
struct Hyperparameters {
  std::vector<double> lengthscales;
  double outputscale = 1.0, noise = 1e-6, mean = 0.0;
};

// The log marginal likelihood and its gradient. Rasmussen, Williams (2006), eqs. 5.8 and 5.9.
struct Likelihood {
  double value = 0.0;  // -infinity when the covariance is not positive definite
  std::vector<double> by_log_lengthscale;
  double by_log_outputscale = 0.0, by_log_noise = 0.0, by_mean = 0.0;
};

// The likelihood of one data set, which must outlive it, at one point after another: it keeps its
// matrices' memory, and does the larger half of the work only where the derivatives are asked for.
class MarginalLikelihood {
 public:
  explicit MarginalLikelihood(const Data& data) : data_(data) {}

  // Likelihood::value at the hyperparameters, or at the most likely mean, which is written to them.
  double at(const Hyperparameters& hyperparameters);
  double at_best_mean(Hyperparameters& hyperparameters);

  // Of the point where the value was asked last; it must have been finite.
  const Likelihood& derivatives();

 private:
  double solve_at(Hyperparameters& hyperparameters, bool profile);

  const Data& data_;
  Hyperparameters hyperparameters_;
  bool profile_ = false;
  Matrix scaled_, r_, slope_, lower_, inverse_;
  std::vector<double> half_;  // R^-T (y - mean)
  std::vector<double> alpha_, sums_;
  double quadratic_ = 0.0;
  Likelihood result_;
};

Likelihood log_likelihood(const Data& data, const Hyperparameters& hyperparameters);

// The same at the most likely constant mean, 1' K^-1 y / 1' K^-1 1, which is written to
// `hyperparameters`; by_mean is then 0 and the other derivatives are total ones.
Likelihood profile_likelihood(const Data& data, Hyperparameters& hyperparameters);

// The latent function at one point: no observation noise in `variance`.
struct Posterior {
  double mean = 0.0, variance = 0.0;
  std::vector<double> mean_gradient, variance_gradient;  // by feature
};

// Leave-one-out predictions of y, noise included. Rasmussen, Williams (2006), eqs. 5.10-5.12.
struct LeaveOneOut {
  std::vector<double> mean, variance;
  double log_density = 0.0;  // sum of log p(y_i | the others)
};

class Gp {
 public:
  // Adds to the diagonal, tenfold from 1e-10 of the output scale, what is missing for a positive
  // definite covariance; `jitter` says how much.
  Gp(const Data& data, const Hyperparameters& hyperparameters);

  const Hyperparameters& hyperparameters() const { return hyperparameters_; }
  double jitter() const { return jitter_; }
  std::size_t size() const { return y_.size(); }

  // Not thread-safe: it works in buffers of this object.
  const Posterior& predict(std::span<const double> x, bool with_gradient) const;
  // The gradients at the point of the last `predict`, which did not ask for them.
  const Posterior& differentiate() const;

  // mean[c], variance[c] at each column of `x` (features x candidates).
  void predict(const Matrix& x, std::vector<double>& mean, std::vector<double>& variance) const;

  // The posterior means at the points it is conditioned on, in O(n): y - noise K^-1 (y - mean).
  std::vector<double> means() const;

  // Conditions on one more point in O(n^2): one more row of the factor.
  void add(std::span<const double> x, double y);
  // The same with the predicted mean for its value (the Kriging believer: Ginsbourger, Le Riche,
  // Carraro 2010): means stay, variances shrink.
  void believe(std::span<const double> x);

  LeaveOneOut leave_one_out() const;
  // With other outcomes at the same points under the same covariance, at their own best mean.
  LeaveOneOut leave_one_out(std::span<const double> y) const;

 private:
  void solve();
  LeaveOneOut leave_one_out(std::span<const double> y, double mean) const;

  Hyperparameters hyperparameters_;
  std::vector<std::size_t> groups_;
  std::vector<double> y_, noise_;
  double jitter_ = 0.0;
  Matrix scaled_;              // features x points, divided by the length scales
  Matrix lower_, upper_;       // R^-T and R^-1 of the covariance R^T R
  std::vector<double> alpha_;  // K^-1 (y - mean)
  mutable Posterior posterior_;
  mutable std::vector<double> value_, slope_, half_, beta_, point_;
};

}  // namespace runner::bo
