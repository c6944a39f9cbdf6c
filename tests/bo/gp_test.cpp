#include "bo/gp.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "bo/matern.hpp"
#include "smooth_data.hpp"

namespace runner::bo {
namespace {

TEST_CASE("the factor and the inverse of a covariance reproduce it at every size") {
  for (const std::size_t n : {1u, 2u, 7u, 8u, 9u, 31u, 32u, 33u, 65u, 130u}) {
    CAPTURE(n);
    const Data data = smooth_data(n, 3, 3);
    Matrix k(n, n), slope(n, n);
    matern52_matrix(data.x, 1.0, k, slope);
    for (std::size_t i = 0; i < n; ++i) {
      k(i, i) += 0.01;
      for (std::size_t j = 0; j < i; ++j) k(i, j) = k(j, i);
    }
    Matrix r = k;
    REQUIRE(cholesky(r));
    Matrix w, inverse;
    inverse_transpose(r, w);
    gram_upper(w, inverse);
    double worst = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        double product = 0.0, identity = 0.0;
        for (std::size_t m = 0; m <= std::min(i, j); ++m) product += r(m, i) * r(m, j);
        for (std::size_t m = 0; m < n; ++m) {
          identity += k(i, m) * inverse(std::min(m, j), std::max(m, j));
        }
        worst = std::max(
            {worst, std::abs(product - k(i, j)), std::abs(identity - (i == j ? 1.0 : 0.0))});
      }
    }
    CHECK(worst < 1e-10);
  }
}

TEST_CASE("a matrix that is not positive definite has no factor") {
  Matrix a(2, 2);
  a(0, 0) = a(1, 1) = 1.0;
  a(0, 1) = 2.0;
  CHECK_FALSE(cholesky(a));
}

TEST_CASE(
    "the profile likelihood's gradient matches differences, known noise and groups included") {
  Data data = smooth_data(21, 4, 3);
  data.known_noise.assign(21, std::numeric_limits<double>::quiet_NaN());
  data.known_noise[3] = data.known_noise[8] = 0.05;
  const Hyperparameters h = moderate(3);
  Hyperparameters at = h;
  const Likelihood l = profile_likelihood(data, at);
  const auto difference = [&](auto change) {
    constexpr double step = 1e-5;
    Hyperparameters up = h, down = h;
    change(up, std::exp(step));
    change(down, std::exp(-step));
    return (profile_likelihood(data, up).value - profile_likelihood(data, down).value) /
           (2.0 * step);
  };
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(relative(l.by_log_lengthscale[k], difference([k](Hyperparameters& p, double factor) {
                     p.lengthscales[k] *= factor;
                   })) < 1e-6);
  }
  CHECK(relative(l.by_log_outputscale, difference([](Hyperparameters& p, double factor) {
                   p.outputscale *= factor;
                 })) < 1e-6);
  CHECK(relative(l.by_log_noise,
                 difference([](Hyperparameters& p, double factor) { p.noise *= factor; })) < 1e-6);
  at.mean += 0.01;
  CHECK(log_likelihood(data, at).value < l.value);
}

TEST_CASE("a likelihood that is asked again gives the bits of one that is new") {
  const Data data = smooth_data(21, 3, 3);
  MarginalLikelihood again(data);
  Hyperparameters indefinite = moderate(3);
  indefinite.noise = -2.0;
  for (const double length : {0.5, 2.0, 0.1}) {
    CHECK_FALSE(std::isfinite(again.at(indefinite)));
    Hyperparameters h = moderate(3), fresh = h;
    h.lengthscales[1] = fresh.lengthscales[1] = length;
    const double value = again.at_best_mean(h);
    const Likelihood& derivatives = again.derivatives();
    const Likelihood expected = profile_likelihood(data, fresh);
    CHECK(value == expected.value);
    CHECK(h.mean == fresh.mean);
    CHECK(derivatives.by_log_lengthscale == expected.by_log_lengthscale);
    CHECK(derivatives.by_log_outputscale == expected.by_log_outputscale);
    CHECK(derivatives.by_log_noise == expected.by_log_noise);
  }
}

TEST_CASE("the means at the observations are predictions there") {
  Data data = smooth_data(19, 3, 3);
  data.known_noise.assign(19, std::numeric_limits<double>::quiet_NaN());
  data.known_noise[4] = 0.3;
  Gp gp(data, moderate(3));
  gp.add(std::vector{0.1, 0.9, 0.4}, 0.7);
  const std::vector<double> means = gp.means();
  for (std::size_t i = 0; i < 19; ++i) {
    const std::vector<double> x = {data.x(0, i), data.x(1, i), data.x(2, i)};
    CHECK(relative(means[i], gp.predict(x, false).mean) < 1e-12);
  }
  CHECK(relative(means[19], gp.predict(std::vector{0.1, 0.9, 0.4}, false).mean) < 1e-12);
}

TEST_CASE("a point added to the factor gives what a new factorisation gives") {
  Data data = smooth_data(40, 3, 3);
  const Gp whole(data, moderate(3));
  Data part = smooth_data(39, 3, 3);
  Gp grown(part, moderate(3));
  const std::vector<double> last = {data.x(0, 39), data.x(1, 39), data.x(2, 39)};
  grown.add(last, data.y[39]);
  const std::vector<double> x = {0.2, 0.9, 0.4};
  const Posterior a = whole.predict(x, true), b = grown.predict(x, true);
  CHECK(a.mean == doctest::Approx(b.mean).epsilon(1e-11));
  CHECK(a.variance == doctest::Approx(b.variance).epsilon(1e-9));
  for (std::size_t f = 0; f < 3; ++f) {
    CHECK(a.mean_gradient[f] == doctest::Approx(b.mean_gradient[f]).epsilon(1e-9));
  }
}

TEST_CASE("a believed point leaves means and shrinks variances") {
  Gp gp(smooth_data(12, 2, 2), moderate(2));
  const std::vector<double> pending = {0.4, 0.6}, near = {0.42, 0.61};
  const Posterior before = gp.predict(near, false);
  gp.believe(pending);
  const Posterior after = gp.predict(near, false);
  CHECK(after.mean == doctest::Approx(before.mean).epsilon(1e-10));
  CHECK(after.variance < 0.5 * before.variance);
}

}  // namespace
}  // namespace runner::bo
