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

TEST_CASE("the kernel is Matern's formula, and its slope the derivative") {
  const arma::mat a = {{0.1, 0.7}, {0.4, 0.2}, {0.4, 0.2}}, b = {{0.5, 0.9}, {0.1, 0.7}};
  const Matern52 between(a, b), among(a);
  for (arma::uword i = 0; i < 3; ++i) {
    for (arma::uword j = 0; j < 2; ++j) {
      const auto k = [&](double moved) {
        const double r = std::hypot(a(i, 0) + moved - b(j, 0), a(i, 1) - b(j, 1));
        const double s = std::sqrt(5.0) * r;
        return (1.0 + s + 5.0 * r * r / 3.0) * std::exp(-s);
      };
      CHECK(between.value(i, j) == doctest::Approx(k(0.0)).epsilon(1e-14));
      const double by_a = -between.slope(i, j) * (a(i, 0) - b(j, 0));
      CHECK(by_a == doctest::Approx((k(1e-6) - k(-1e-6)) / 2e-6).epsilon(1e-6));
    }
  }
  CHECK(arma::approx_equal(among.value, Matern52(a, a).value, "absdiff", 1e-15));
  CHECK(arma::approx_equal(among.slope, Matern52(a, a).slope, "absdiff", 1e-15));
  CHECK(among.value(1, 2) == 1.0);
}

TEST_CASE(
    "the profile likelihood's gradient matches differences, known noise and groups included") {
  Data data = smooth_data(21, 4, 3);
  data.known_noise(3) = data.known_noise(8) = 0.05;
  const Hyperparameters h = moderate(3);
  Hyperparameters at = h;
  MarginalLikelihood likelihood(data);
  const double value = likelihood.at_best_mean(at);
  const MarginalLikelihood::Gradient l = likelihood.gradient();
  CHECK(std::abs(l.by_mean) < 1e-10);
  const auto difference = [&](auto change) {
    constexpr double step = 1e-5;
    Hyperparameters up = h, down = h;
    change(up, std::exp(step));
    change(down, std::exp(-step));
    return (likelihood.at_best_mean(up) - likelihood.at_best_mean(down)) / (2.0 * step);
  };
  for (arma::uword k = 0; k < 3; ++k) {
    CHECK(relative(l.by_log_lengthscale(k), difference([k](Hyperparameters& p, double factor) {
                     p.lengthscales[k] *= factor;
                   })) < 1e-6);
  }
  CHECK(relative(l.by_log_outputscale, difference([](Hyperparameters& p, double factor) {
                   p.outputscale *= factor;
                 })) < 1e-6);
  CHECK(relative(l.by_log_noise,
                 difference([](Hyperparameters& p, double factor) { p.noise *= factor; })) < 1e-6);
  at.mean += 0.01;
  CHECK(likelihood.at(at) < value);
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
    const MarginalLikelihood::Gradient derivatives = again.gradient();
    MarginalLikelihood once(data);
    CHECK(value == once.at_best_mean(fresh));
    const MarginalLikelihood::Gradient expected = once.gradient();
    CHECK(h.mean == fresh.mean);
    CHECK(arma::all(derivatives.by_log_lengthscale == expected.by_log_lengthscale));
    CHECK(derivatives.by_log_outputscale == expected.by_log_outputscale);
    CHECK(derivatives.by_log_noise == expected.by_log_noise);
  }
}

TEST_CASE("the means at the observations are predictions there") {
  Data data = smooth_data(19, 3, 3);
  data.known_noise(4) = 0.3;
  Gp gp(data, moderate(3));
  gp.believe({0.1, 0.9, 0.4});
  const arma::vec means = gp.means();
  for (arma::uword i = 0; i < 19; ++i) {
    CHECK(relative(means(i), gp.predict(data.x.row(i).t()).mean) < 1e-12);
  }
  CHECK(relative(means(19), gp.predict({0.1, 0.9, 0.4}).mean) < 1e-12);
}

TEST_CASE("a point added to the factor gives what a new factorisation gives") {
  Data data = smooth_data(40, 3, 3);
  Gp grown(smooth_data(39, 3, 3), moderate(3));
  data.y(39) = grown.predict(data.x.row(39).t()).mean;
  grown.believe(data.x.row(39).t());
  const Gp whole(data, moderate(3));
  const Gp::Posterior a = whole.predict({0.2, 0.9, 0.4}), b = grown.predict({0.2, 0.9, 0.4});
  CHECK(a.mean == doctest::Approx(b.mean).epsilon(1e-11));
  CHECK(a.variance == doctest::Approx(b.variance).epsilon(1e-9));
  CHECK(arma::approx_equal(whole.gradients(a).mean, grown.gradients(b).mean, "reldiff", 1e-9));
}

TEST_CASE("a believed point leaves means and shrinks variances") {
  Gp gp(smooth_data(12, 2, 2), moderate(2));
  const arma::vec pending = {0.4, 0.6}, near = {0.42, 0.61};
  const Gp::Posterior before = gp.predict(near);
  gp.believe(pending);
  const Gp::Posterior after = gp.predict(near);
  CHECK(after.mean == doctest::Approx(before.mean).epsilon(1e-10));
  CHECK(after.variance < 0.5 * before.variance);
}

}  // namespace
}  // namespace runner::bo
