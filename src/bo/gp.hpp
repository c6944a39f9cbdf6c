#pragma once

#include <armadillo>

#include "bo/matern.hpp"

namespace runner::bo {

// What a Gaussian process is conditioned on: n points of D features.
struct Data {
  arma::mat x;                   // n x D: one row per point
  arma::uvec groups;             // D: which length scale each feature has
  arma::uword lengthscales = 0;  // how many there are
  arma::vec y;                   // n: standardised outcomes
  arma::vec known_noise;         // n: variance of y where it is known, else NaN
};

// k(x, x') = outputscale m(r), m Matérn-5/2, r^2 = sum_f (x_f - x'_f)^2 / lengthscale_f^2;
// y = mean + f(x) + N(0, noise).
struct Hyperparameters {
  arma::vec lengthscales;
  double outputscale = 1.0, noise = 1e-6, mean = 0.0;
};

// Of a data set, which must outlive it, at one set of hyperparameters after another: Rasmussen,
// Williams (2006), eqs. 5.8 and 5.9. The gradient is the larger half of the work, and computed only
// where it is asked for.
class MarginalLikelihood {
 public:
  explicit MarginalLikelihood(const Data& data) : data_(data) {}

  // log p(y | X), or -infinity when the covariance is not positive definite.
  double at(const Hyperparameters& hyperparameters);
  // The same at the most likely constant mean, 1' K^-1 y / 1' K^-1 1, which is written to them.
  double at_best_mean(Hyperparameters& hyperparameters);

  // Where the value was asked last; it must have been finite. At the best mean by_mean is 0, to
  // rounding, and the others are total derivatives.
  struct Gradient {
    arma::vec by_log_lengthscale;
    double by_log_outputscale = 0.0, by_log_noise = 0.0, by_mean = 0.0;
  };
  Gradient gradient() const;

 private:
  bool factorise(const Hyperparameters& hyperparameters);
  double value() const;

  const Data& data_;
  Hyperparameters at_;
  arma::mat z_;  // points divided by the length scales
  arma::mat slope_, l_;
  arma::vec v_;  // L^-1 (y - mean)
};

// Leave-one-out predictions of y, noise included. Rasmussen, Williams (2006), eqs. 5.10-5.12.
struct LeaveOneOut {
  arma::vec mean, variance;
  double log_density = 0.0;  // sum of log p(y_i | the others)
};

// The posterior given data and hyperparameters: Rasmussen, Williams (2006), algorithm 2.1.
class Gp {
 public:
  // The latent function at one point: no observation noise in `variance`.
  struct Posterior {
    double mean = 0.0, variance = 0.0;
    arma::rowvec z;      // the point, divided by the length scales
    arma::vec slope, v;  // of k(x, X), and L^-1 k(x, X)
  };
  struct Gradients {
    arma::vec mean, variance;  // by feature
  };

  // Adds to the diagonal, tenfold from 1e-10 of the output scale, what is missing for a positive
  // definite covariance; `jitter` says how much.
  Gp(const Data& data, const Hyperparameters& hyperparameters);

  double jitter() const { return jitter_; }
  arma::uword size() const { return y_.n_elem; }

  Posterior predict(const arma::vec& x) const;
  Gradients gradients(const Posterior& posterior) const;
  // mean(i), variance(i) at each row of x.
  void predict(const arma::mat& x, arma::vec& mean, arma::vec& variance) const;

  // The posterior means at the points it is conditioned on, in O(n): y - noise K^-1 (y - mean).
  arma::vec means() const;

  // Conditions on one more point with the predicted mean for its value, in O(n^2) by one more row
  // of the factor (the Kriging believer: Ginsbourger, Le Riche, Carraro 2010): means stay,
  // variances shrink.
  void believe(const arma::vec& x);

  LeaveOneOut leave_one_out() const;
  // With other outcomes at the same points under the same covariance, at their own best mean.
  LeaveOneOut leave_one_out(const arma::vec& y) const;

 private:
  LeaveOneOut leave_one_out(const arma::vec& y, double mean) const;
  // K^-1 b
  arma::vec solve(const arma::vec& b) const { return l_inverse_.t() * (l_inverse_ * b); }

  Hyperparameters hyperparameters_;
  arma::rowvec lengthscales_;  // of each feature
  arma::vec y_, noise_;
  double jitter_ = 0.0;
  arma::mat z_;          // points divided by the length scales
  arma::mat l_inverse_;  // L^-1 of K + noise I = L L': a product for each solve with L
  arma::vec alpha_;      // K^-1 (y - mean)
};

}  // namespace runner::bo
