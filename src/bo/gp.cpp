#include "bo/gp.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>

namespace runner::bo {
namespace {

const double kLogTwoPi = std::log(2.0 * std::numbers::pi);
constexpr double kSmallestVariance = 1e-14;  // of the output scale: keeps stddev positive

// The length scale of each feature.
arma::rowvec by_feature(const Data& data, const Hyperparameters& h) {
  return h.lengthscales.elem(data.groups).t();
}

// The variance of each observation's noise.
arma::vec noise_of(const Data& data, const Hyperparameters& h) {
  arma::vec noise(data.y.n_elem, arma::fill::value(h.noise));
  if (!data.known_noise.empty()) {
    const arma::uvec known = arma::find_finite(data.known_noise);
    noise.elem(known) = data.known_noise.elem(known);
  }
  return noise;
}

// Which observations have the noise that is learned.
arma::uvec learned(const Data& data) {
  return data.known_noise.empty() ? arma::regspace<arma::uvec>(0, data.y.n_elem - 1)
                                  : arma::find_nonfinite(data.known_noise);
}

}  // namespace

double MarginalLikelihood::at(const Hyperparameters& hyperparameters) {
  Hyperparameters copy = hyperparameters;
  return solve(copy, false);
}

double MarginalLikelihood::at_best_mean(Hyperparameters& hyperparameters) {
  return solve(hyperparameters, true);
}

// Eq. 5.8 by algorithm 2.1: with K = L L' and v = L \ (y - mean),
//   log p(y | X) = -1/2 v'v - sum_i log L_ii - n/2 log 2 pi
double MarginalLikelihood::solve(Hyperparameters& h, bool best_mean) {
  const arma::uword n = data_.y.n_elem;
  z_ = data_.x.each_row() / by_feature(data_, h);
  Matern52 m(z_);
  m_ = std::move(m.value);
  slope_ = std::move(m.slope);
  arma::mat k = h.outputscale * m_;
  k.diag() += noise_of(data_, h);
  if (!arma::chol(l_, k, "lower")) return -std::numeric_limits<double>::infinity();

  const arma::mat right = arma::join_rows(data_.y, arma::ones(n));
  const arma::mat v = arma::solve(arma::trimatl(l_), right, arma::solve_opts::fast);
  if (best_mean) h.mean = arma::dot(v.col(0), v.col(1)) / arma::dot(v.col(1), v.col(1));
  v_ = v.col(0) - h.mean * v.col(1);
  at_ = h;
  best_mean_ = best_mean;
  value_ = -0.5 * arma::dot(v_, v_) - arma::accu(arma::log(l_.diag())) -
           0.5 * static_cast<double>(n) * kLogTwoPi;
  return value_;
}

// Eq. 5.9: d log p / d theta = 1/2 tr((alpha alpha' - K^-1) dK / d theta), alpha = K^-1 (y - mean)
Likelihood MarginalLikelihood::derivatives() const {
  const arma::mat l_inverse = arma::inv(arma::trimatl(l_));
  const arma::mat k_inverse = l_inverse.t() * l_inverse;
  const arma::vec alpha = l_inverse.t() * v_;
  const arma::mat a = alpha * alpha.t() - k_inverse;

  // dK_ij / d log l_f = outputscale slope_ij (z_if - z_jf)^2, so with the symmetric S below
  // 1/2 sum_ij S_ij (z_if - z_jf)^2 = sum_i (S 1)_i z_if^2 - z_f' S z_f: one product for all f.
  const arma::mat s = at_.outputscale * a % slope_;
  const arma::rowvec by_feature = arma::sum(s, 1).t() * arma::square(z_) - arma::sum(z_ % (s * z_));

  Likelihood out{value_, arma::zeros(data_.lengthscales)};
  for (arma::uword f = 0; f < z_.n_cols; ++f) {
    out.by_log_lengthscale(data_.groups(f)) += by_feature(f);
  }
  out.by_log_outputscale = 0.5 * at_.outputscale * arma::accu(a % m_);
  const arma::vec on_diagonal = a.diag();
  out.by_log_noise = 0.5 * at_.noise * arma::accu(on_diagonal.elem(learned(data_)));
  out.by_mean = best_mean_ ? 0.0 : arma::accu(alpha);
  return out;
}

Likelihood log_likelihood(const Data& data, const Hyperparameters& hyperparameters) {
  MarginalLikelihood likelihood(data);
  const double value = likelihood.at(hyperparameters);
  return std::isfinite(value) ? likelihood.derivatives() : Likelihood{value, {}};
}

Likelihood profile_likelihood(const Data& data, Hyperparameters& hyperparameters) {
  MarginalLikelihood likelihood(data);
  const double value = likelihood.at_best_mean(hyperparameters);
  return std::isfinite(value) ? likelihood.derivatives() : Likelihood{value, {}};
}

// Algorithm 2.1, lines 2 and 3.
Gp::Gp(const Data& data, const Hyperparameters& hyperparameters)
    : hyperparameters_(hyperparameters),
      lengthscales_(by_feature(data, hyperparameters)),
      y_(data.y),
      noise_(noise_of(data, hyperparameters)),
      z_(data.x.each_row() / lengthscales_) {
  const double scale = hyperparameters.outputscale;
  arma::mat k = scale * Matern52(z_).value, l;
  k.diag() += noise_;
  while (!arma::chol(l, k, "lower") || !l.is_finite()) {
    const double more = jitter_ == 0.0 ? 1e-10 * scale : 9.0 * jitter_;
    if (!(jitter_ < 1e6 * scale)) {
      throw std::invalid_argument("a Gaussian process was given values that are not finite");
    }
    jitter_ += more;
    k.diag() += more;
  }
  l_inverse_ = arma::inv(arma::trimatl(l));
  alpha_ = solve(y_ - hyperparameters_.mean);
}

// Algorithm 2.1, lines 4 to 6: mean + k' alpha, and k(x, x) - v'v with v = L \ k.
Gp::Posterior Gp::predict(const arma::vec& x) const {
  const double scale = hyperparameters_.outputscale;
  Posterior out;
  out.z = x.t() / lengthscales_;
  Matern52 m(z_, out.z);
  const arma::vec k = scale * m.value;
  out.slope = scale * m.slope;
  out.v = l_inverse_ * k;
  out.mean = hyperparameters_.mean + arma::dot(k, alpha_);
  out.variance = std::max(scale - arma::dot(out.v, out.v), kSmallestVariance * scale);
  return out;
}

// With J = dk / dx: J' alpha, and -2 J' K^-1 k.
Gp::Gradients Gp::gradients(const Posterior& at) const {
  arma::mat j = z_.each_row() - at.z;
  j.each_col() %= at.slope;
  j.each_row() /= lengthscales_;
  return {j.t() * alpha_, -2.0 * j.t() * (l_inverse_.t() * at.v)};
}

void Gp::predict(const arma::mat& x, arma::vec& mean, arma::vec& variance) const {
  const double scale = hyperparameters_.outputscale;
  const arma::mat k = scale * Matern52(z_, x.each_row() / lengthscales_).value;
  const arma::mat v = l_inverse_ * k;
  mean = hyperparameters_.mean + k.t() * alpha_;
  variance = scale - arma::sum(arma::square(v)).t();
  variance.transform([=](double s) { return std::max(s, kSmallestVariance * scale); });
}

arma::vec Gp::means() const { return y_ - (noise_ + jitter_) % alpha_; }

void Gp::add(const arma::vec& x, double y) {
  const arma::uword n = size();
  const Posterior here = predict(x);
  // [L 0; v' c] with c^2 = k(x, x) + noise - v'v factors the larger matrix, and its inverse is
  // [L^-1 0; -v' L^-1 / c, 1 / c].
  const double c = std::sqrt(here.variance + hyperparameters_.noise + jitter_);
  const arma::rowvec row = here.v.t() * l_inverse_ / -c;
  l_inverse_.resize(n + 1, n + 1);
  l_inverse_.row(n).head(n) = row;
  l_inverse_(n, n) = 1.0 / c;
  z_.insert_rows(n, here.z);
  y_.resize(n + 1);
  y_(n) = y;
  noise_.resize(n + 1);
  noise_(n) = hyperparameters_.noise;
  alpha_ = solve(y_ - hyperparameters_.mean);
}

void Gp::believe(const arma::vec& x) { add(x, predict(x).mean); }

LeaveOneOut Gp::leave_one_out() const { return leave_one_out(y_, hyperparameters_.mean); }

LeaveOneOut Gp::leave_one_out(const arma::vec& y) const {
  const arma::vec one = l_inverse_ * arma::ones(size());
  return leave_one_out(y, arma::dot(l_inverse_ * y, one) / arma::dot(one, one));
}

LeaveOneOut Gp::leave_one_out(const arma::vec& y, double mean) const {
  const arma::vec precision = arma::sum(arma::square(l_inverse_)).t();  // the diagonal of K^-1
  LeaveOneOut loo;
  loo.variance = 1.0 / precision;
  loo.mean = y - solve(y - mean) / precision;
  loo.log_density = -0.5 * arma::accu(arma::log(loo.variance) + kLogTwoPi +
                                      arma::square(y - loo.mean) / loo.variance);
  return loo;
}

}  // namespace runner::bo
