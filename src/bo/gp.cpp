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
  arma::vec noise = data.known_noise;
  return noise.replace(arma::datum::nan, h.noise);
}

// L \ b
arma::mat forward(const arma::mat& l, const arma::mat& b) {
  return arma::solve(arma::trimatl(l), b, arma::solve_opts::fast);
}

}  // namespace

// Eq. 5.8 by algorithm 2.1: with K = L L' and v = L \ (y - mean),
//   log p(y | X) = -1/2 v'v - sum_i log L_ii - n/2 log 2 pi
double MarginalLikelihood::value() const {
  const auto n = static_cast<double>(v_.n_elem);
  return -0.5 * arma::dot(v_, v_) - arma::accu(arma::log(l_.diag())) - 0.5 * n * kLogTwoPi;
}

// Eq. 5.9: d log p / d theta = 1/2 tr(A dK / d theta), A = alpha alpha' - K^-1, alpha = L' \ v
MarginalLikelihood::Gradient MarginalLikelihood::gradient() const {
  const arma::mat l_inverse = arma::inv(arma::trimatl(l_));
  const arma::vec alpha = l_inverse.t() * v_;
  const arma::mat a = alpha * alpha.t() - l_inverse.t() * l_inverse;

  // dK_ij / d log l_f = outputscale slope_ij (z_if - z_jf)^2, so with the symmetric S below
  // 1/2 sum_ij S_ij (z_if - z_jf)^2 = sum_i (S 1)_i z_if^2 - z_f' S z_f: one product for all f.
  const arma::mat s = at_.outputscale * a % slope_;
  const arma::rowvec by_feature = arma::sum(s, 1).t() * arma::square(z_) - arma::sum(z_ % (s * z_));
  Gradient out{arma::zeros(data_.lengthscales)};
  for (arma::uword f = 0; f < z_.n_cols; ++f) {
    out.by_log_lengthscale(data_.groups(f)) += by_feature(f);
  }
  // On the diagonal stands each noise; the rest of K is by log outputscale, and tr(A K) = v'v - n.
  const arma::vec by_noise = 0.5 * noise_of(data_, at_) % a.diag();
  out.by_log_noise = arma::accu(by_noise.elem(arma::find_nan(data_.known_noise)));
  const double by_all = 0.5 * (arma::dot(v_, v_) - static_cast<double>(v_.n_elem));
  out.by_log_outputscale = by_all - arma::accu(by_noise);
  out.by_mean = arma::accu(alpha);
  return out;
}

double MarginalLikelihood::at(const Hyperparameters& h) {
  if (!factorise(h)) return -std::numeric_limits<double>::infinity();
  v_ = forward(l_, data_.y - h.mean);
  return value();
}

double MarginalLikelihood::at_best_mean(Hyperparameters& h) {
  if (!factorise(h)) return -std::numeric_limits<double>::infinity();
  const arma::mat v = forward(l_, arma::join_rows(data_.y, arma::ones(data_.y.n_elem)));
  h.mean = arma::dot(v.col(0), v.col(1)) / arma::dot(v.col(1), v.col(1));
  v_ = v.col(0) - h.mean * v.col(1);
  return value();
}

// K = outputscale m + noise = L L'
bool MarginalLikelihood::factorise(const Hyperparameters& h) {
  at_ = h;
  z_ = data_.x.each_row() / by_feature(data_, h);
  Matern52 m(z_);
  slope_ = std::move(m.slope);
  m.value *= h.outputscale;
  m.value.diag() += noise_of(data_, h);
  return arma::chol(l_, m.value, "lower");
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
  variance = arma::clamp(scale - arma::sum(arma::square(v)).t(), kSmallestVariance * scale, scale);
}

arma::vec Gp::means() const { return y_ - (noise_ + jitter_) % alpha_; }

void Gp::believe(const arma::vec& x) {
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
  y_(n) = here.mean;
  noise_.resize(n + 1);
  noise_(n) = hyperparameters_.noise;
  alpha_ = solve(y_ - hyperparameters_.mean);
}

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
