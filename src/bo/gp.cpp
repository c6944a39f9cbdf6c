#include "bo/gp.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>

#include "bo/matern.hpp"
#include "bo/vectors.hpp"

namespace runner::bo {
namespace {

const double kHalfLogTwoPi = 0.5 * std::log(2.0 * std::numbers::pi);
constexpr double kSmallestVariance = 1e-14;  // of the output scale: keeps stddev positive

void scale(const Matrix& x, std::span<const std::size_t> groups,
           std::span<const double> lengthscales, Matrix& scaled) {
  scaled.resize(x.rows(), x.columns());
  for (std::size_t f = 0; f < x.rows(); ++f) {
    const double inverse = 1.0 / lengthscales[groups[f]];
    for (std::size_t j = 0; j < x.columns(); ++j) scaled(f, j) = x(f, j) * inverse;
  }
}

bool noise_is_known(const Data& data, std::size_t i) {
  return !data.known_noise.empty() && !std::isnan(data.known_noise[i]);
}

double noise_of(const Data& data, const Hyperparameters& h, std::size_t i) {
  return noise_is_known(data, i) ? data.known_noise[i] : h.noise;
}

// The covariance of y in the upper triangle of `value`; `slope` as in matern52_matrix.
void covariance(const Data& data, const Hyperparameters& h, const Matrix& scaled, double jitter,
                Matrix& value, Matrix& slope) {
  const std::size_t n = data.y.size();
  matern52_matrix(scaled, h.outputscale, value, slope);
  for (std::size_t i = 0; i < n; ++i) value(i, i) += noise_of(data, h, i) + jitter;
}

std::vector<double> solve_with(const Matrix& lower, const Matrix& upper,
                               std::span<const double> y) {
  const std::size_t n = y.size();
  std::vector<double> right(padded(n)), half(padded(n)), out(padded(n));
  std::copy(y.begin(), y.end(), right.begin());
  lower_times(upper, right.data(), half.data());
  lower_transposed_times(lower, half.data(), out.data());
  return out;
}

double sum(std::span<const double> x) {
  double total = 0.0;
  for (const double v : x) total += v;
  return total;
}

// y' K^-1 1 / 1' K^-1 1
double best_mean(std::span<const double> y, std::span<const double> inverse_ones) {
  double top = 0.0, bottom = 0.0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    top += y[i] * inverse_ones[i];
    bottom += inverse_ones[i];
  }
  return bottom > 0.0 ? top / bottom : sum(y) / static_cast<double>(y.size());
}

}  // namespace

double MarginalLikelihood::at(const Hyperparameters& hyperparameters) {
  Hyperparameters copy = hyperparameters;
  return solve_at(copy, false);
}

double MarginalLikelihood::at_best_mean(Hyperparameters& hyperparameters) {
  return solve_at(hyperparameters, true);
}

double MarginalLikelihood::solve_at(Hyperparameters& h, bool profile) {
  const std::size_t n = data_.y.size(), y = padded(n), one = y + 1;  // right-hand sides
  scale(data_.x, data_.groups, h.lengthscales, scaled_);
  r_.resize(n, one + 1);
  slope_.resize(n, n);
  covariance(data_, h, scaled_, 0.0, r_, slope_);
  for (std::size_t i = 0; i < n; ++i) {
    r_(i, y) = data_.y[i];
    r_(i, one) = 1.0;
  }
  if (!cholesky(r_)) return -std::numeric_limits<double>::infinity();
  if (profile) {
    double top = 0.0, bottom = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      top += r_(i, y) * r_(i, one);
      bottom += r_(i, one) * r_(i, one);
    }
    h.mean = top / bottom;
  }
  half_.assign(padded(n), 0.0);
  double log_determinant = 0.0;
  quadratic_ = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    half_[i] = r_(i, y) - h.mean * r_(i, one);
    quadratic_ += half_[i] * half_[i];
    log_determinant += std::log(r_(i, i));
  }
  hyperparameters_ = h;
  profile_ = profile;
  return result_.value =
             -0.5 * quadratic_ - log_determinant - static_cast<double>(n) * kHalfLogTwoPi;
}

const Likelihood& MarginalLikelihood::derivatives() {
  const std::size_t n = data_.y.size();
  const Hyperparameters& h = hyperparameters_;
  inverse_transpose(r_, lower_);
  gram_upper(lower_, inverse_);
  alpha_.resize(padded(n));
  lower_transposed_times(lower_, half_.data(), alpha_.data());
  sums_.resize(data_.x.rows());
  lengthscale_sums(alpha_.data(), inverse_, slope_, scaled_, sums_.data());
  result_.by_log_lengthscale.assign(data_.lengthscales, 0.0);
  for (std::size_t f = 0; f < sums_.size(); ++f) {
    result_.by_log_lengthscale[data_.groups[f]] += h.outputscale * sums_[f];
  }
  // With K = outputscale M + N: tr((a a' - K^-1) outputscale M) follows from that of K and N.
  double all = 0.0, learned = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const double share = noise_of(data_, h, i) * (alpha_[i] * alpha_[i] - inverse_(i, i));
    all += share;
    if (!noise_is_known(data_, i)) learned += share;
  }
  result_.by_log_outputscale = 0.5 * (quadratic_ - static_cast<double>(n) - all);
  result_.by_log_noise = 0.5 * learned;
  result_.by_mean = profile_ ? 0.0 : sum(std::span(alpha_).first(n));
  return result_;
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

Gp::Gp(const Data& data, const Hyperparameters& hyperparameters)
    : hyperparameters_(hyperparameters), groups_(data.groups), y_(data.y) {
  const std::size_t n = y_.size();
  scale(data.x, groups_, hyperparameters.lengthscales, scaled_);
  for (std::size_t i = 0; i < n; ++i) noise_.push_back(noise_of(data, hyperparameters, i));
  Matrix r(n, n), slope(n, n);
  for (;;) {
    covariance(data, hyperparameters_, scaled_, jitter_, r, slope);
    if (cholesky(r)) break;
    jitter_ = jitter_ == 0.0 ? 1e-10 * hyperparameters_.outputscale : 10.0 * jitter_;
    if (!(jitter_ < 1e6 * hyperparameters_.outputscale)) {
      throw std::invalid_argument("a Gaussian process was given values that are not finite");
    }
  }
  inverse_transpose(r, lower_);
  upper_ = transpose(lower_);
  solve();
}

void Gp::solve() {
  std::vector<double> residual = y_;
  for (double& v : residual) v -= hyperparameters_.mean;
  alpha_ = solve_with(lower_, upper_, residual);
  for (auto* buffer : {&value_, &slope_, &half_, &beta_}) buffer->assign(padded(y_.size()), 0.0);
}

const Posterior& Gp::predict(std::span<const double> x, bool with_gradient) const {
  const std::size_t n = y_.size();
  point_.resize(x.size());
  for (std::size_t f = 0; f < x.size(); ++f) {
    point_[f] = x[f] * (1.0 / hyperparameters_.lengthscales[groups_[f]]);
  }
  matern52_row(point_, scaled_, value_.data(), slope_.data());
  lower_times(upper_, value_.data(), half_.data());
  const double scale = hyperparameters_.outputscale;
  const double explained = dot(half_.data(), half_.data(), n);
  posterior_.mean = hyperparameters_.mean + scale * dot(value_.data(), alpha_.data(), n);
  posterior_.variance = std::max(scale - scale * scale * explained, kSmallestVariance * scale);
  return with_gradient ? differentiate() : posterior_;
}

const Posterior& Gp::differentiate() const {
  // d k_j / d x_f = -outputscale slope_j (x_f - x_jf) / l_f, both in scaled coordinates.
  const std::size_t n = y_.size();
  lower_transposed_times(lower_, half_.data(), beta_.data());
  for (std::size_t j = 0; j < padded(n); ++j) {
    beta_[j] *= slope_[j];
    slope_[j] *= alpha_[j];
  }
  posterior_.mean_gradient.resize(point_.size());
  posterior_.variance_gradient.resize(point_.size());
  const double scale = hyperparameters_.outputscale;
  for (std::size_t f = 0; f < point_.size(); ++f) {
    const double* row = scaled_.row(f);
    const double inverse = scale / hyperparameters_.lengthscales[groups_[f]];
    posterior_.mean_gradient[f] = -inverse * dot_difference(slope_.data(), point_[f], row, n);
    posterior_.variance_gradient[f] =
        2.0 * scale * inverse * dot_difference(beta_.data(), point_[f], row, n);
  }
  return posterior_;
}

void Gp::predict(const Matrix& x, std::vector<double>& mean, std::vector<double>& variance) const {
  constexpr std::size_t kChunk = 64;  // candidates at a time, for what they need to stay in cache
  const std::size_t n = y_.size(), features = x.rows(), count = x.columns();
  const double scale = hyperparameters_.outputscale;
  mean.resize(count);
  variance.resize(count);
  Matrix candidates, values, half;
  std::vector<double> slope(kChunk), point(features);
  for (std::size_t begin = 0; begin < count; begin += kChunk) {
    const std::size_t size = std::min(kChunk, count - begin);
    candidates.resize(features, size);
    for (std::size_t f = 0; f < features; ++f) {
      const double inverse = 1.0 / hyperparameters_.lengthscales[groups_[f]];
      for (std::size_t c = 0; c < size; ++c) candidates(f, c) = x(f, begin + c) * inverse;
    }
    values.resize(n, size);
    std::array<double, kChunk> sums{}, squares{};
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t f = 0; f < features; ++f) point[f] = scaled_(f, j);
      matern52_row(point, candidates, values.row(j), slope.data());
      axpy(alpha_[j], values.row(j), size, sums.data());
    }
    lower_times(upper_, values, half);
    for (std::size_t i = 0; i < n; ++i) add_squares(half.row(i), size, squares.data());
    for (std::size_t c = 0; c < size; ++c) {
      mean[begin + c] = hyperparameters_.mean + scale * sums[c];
      variance[begin + c] = std::max(scale - scale * scale * squares[c], kSmallestVariance * scale);
    }
  }
}

std::vector<double> Gp::means() const {
  std::vector<double> means = y_;
  for (std::size_t i = 0; i < means.size(); ++i) means[i] -= (noise_[i] + jitter_) * alpha_[i];
  return means;
}

void Gp::add(std::span<const double> x, double y) {
  const std::size_t n = y_.size();
  const Posterior& here = predict(x, false);  // leaves R^-T k / outputscale in half_
  const double scale = hyperparameters_.outputscale;
  // K's new corner is outputscale + noise; its Schur complement the latent variance plus noise.
  const double corner = here.variance + hyperparameters_.noise + jitter_;
  const double inverse = 1.0 / std::sqrt(corner);
  std::vector<double> row(padded(n));
  lower_transposed_times(lower_, half_.data(), row.data());
  const auto grown = [](const Matrix& a, std::size_t rows, std::size_t columns) {
    Matrix out(rows, columns);
    for (std::size_t i = 0; i < a.rows(); ++i) std::copy_n(a.row(i), a.columns(), out.row(i));
    return out;
  };
  lower_ = grown(lower_, n + 1, n + 1);
  for (std::size_t j = 0; j < n; ++j) lower_(n, j) = -scale * inverse * row[j];
  lower_(n, n) = inverse;
  upper_ = grown(upper_, n + 1, n + 1);
  for (std::size_t j = 0; j <= n; ++j) upper_(j, n) = lower_(n, j);
  scaled_ = grown(scaled_, scaled_.rows(), n + 1);
  for (std::size_t f = 0; f < x.size(); ++f) scaled_(f, n) = point_[f];
  y_.push_back(y);
  noise_.push_back(hyperparameters_.noise);
  solve();
}

void Gp::believe(std::span<const double> x) { add(x, predict(x, false).mean); }

LeaveOneOut Gp::leave_one_out() const { return leave_one_out(y_, hyperparameters_.mean); }

LeaveOneOut Gp::leave_one_out(std::span<const double> y) const {
  const std::vector<double> ones(y.size(), 1.0);
  return leave_one_out(y, best_mean(y, solve_with(lower_, upper_, ones)));
}

LeaveOneOut Gp::leave_one_out(std::span<const double> y, double mean) const {
  const std::size_t n = y.size();
  LeaveOneOut loo{std::vector<double>(n), std::vector<double>(n), 0.0};
  std::vector<double> residual(y.begin(), y.end());
  for (double& v : residual) v -= mean;
  const std::vector<double> alpha = solve_with(lower_, upper_, residual);
  std::vector<double> precision(padded(n));  // the diagonal of K^-1
  for (std::size_t i = 0; i < n; ++i) add_squares(lower_.row(i), i + 1, precision.data());
  for (std::size_t i = 0; i < n; ++i) {
    loo.variance[i] = 1.0 / precision[i];
    loo.mean[i] = y[i] - alpha[i] * loo.variance[i];
    const double error = y[i] - loo.mean[i];
    loo.log_density -=
        0.5 * (std::log(loo.variance[i]) + error * error / loo.variance[i]) + kHalfLogTwoPi;
  }
  return loo;
}

}  // namespace runner::bo
