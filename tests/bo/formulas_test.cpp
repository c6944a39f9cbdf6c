#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "bo/acquisition.hpp"
#include "bo/fit.hpp"
#include "bo/gp.hpp"
#include "bo/hedge.hpp"
#include "bo/hypervolume.hpp"
#include "bo/minimise.hpp"
#include "bo/normal.hpp"
#include "bo/simplex.hpp"
#include "bo/sobol.hpp"
#include "bo/surface.hpp"
#include "bo/warp.hpp"
#include "random/philox.hpp"
#include "smooth_data.hpp"

namespace runner::bo {
namespace {

// Area dominated by `front` (as pareto_front returns it) and bounded by `reference`.
double hypervolume(std::span<const Outcome> front, const Outcome& reference) {
  double area = 0.0, ceiling = reference[1];
  for (const Outcome& o : front) {
    if (o[0] >= reference[0] || o[1] >= ceiling) continue;
    area += (reference[0] - o[0]) * (ceiling - o[1]);
    ceiling = o[1];
  }
  return area;
}

TEST_CASE("priors' derivatives match differences") {
  const LogNormal prior{{-2.0, 0.5}, {1.5, 0.7}};
  for (const double x : {-7.0, -0.9, 2.0}) {
    const arma::vec at = {x, -x}, gradient = prior.gradient(at);
    for (arma::uword i = 0; i < 2; ++i) {
      arma::vec up = at, down = at;
      up(i) += 1e-6;
      down(i) -= 1e-6;
      const double difference = (prior.log_density(up) - prior.log_density(down)) / 2e-6;
      CHECK(gradient(i) == doctest::Approx(difference).epsilon(1e-6));
    }
  }
}

TEST_CASE("the prior's median length scale is the diagonal of the unit cube") {
  for (const arma::uword d : {1U, 4U, 9U}) {
    const arma::vec median = arma::exp(lengthscale_prior(d).location);
    CHECK(arma::abs(median - std::sqrt(static_cast<double>(d))).max() < 1e-12);
  }
}

TEST_CASE("every acquisition's gradient matches differences") {
  Data data = smooth_data(17, 3, 3);
  const Gp gp(data, moderate(3));
  data.y = arma::reverse(data.y);
  const Gp other(data, moderate(3));
  std::vector<AcquisitionSurface> surfaces;
  for (const Acquisition& row : acquisitions()) {
    for (const auto& [best, noise] :
         {std::array{-3.0, 0.0}, {0.0, 0.0}, {1.0, 0.0}, {0.0, 0.3}, {1.0, 2.0}}) {
      surfaces.emplace_back(gp, row, AcquisitionContext{best, 4.0, noise, 0.1});
    }
  }
  surfaces.emplace_back(gp, other, std::vector<Outcome>{{-1.0, 1.0}, {0.0, 0.0}, {1.0, -1.0}});
  for (std::size_t i = 0; i < surfaces.size(); ++i) {
    CAPTURE(i);
    AcquisitionSurface& surface = surfaces[i];
    const arma::vec x = {0.31, 0.62, 0.17};
    const double value = surface.at(x);
    const arma::vec gradient = surface.gradient();
    CHECK(relative(surface.over(x.t())(0), value) < 1e-12);
    for (arma::uword f = 0; f < 3; ++f) {
      constexpr double step = 1e-6;
      arma::vec up = x, down = x;
      up(f) += step;
      down(f) -= step;
      const double expected = (surface.at(up) - surface.at(down)) / (2 * step);
      CHECK(relative(gradient(f), expected) < 1e-5);
    }
  }
}

TEST_CASE("expected improvement equals its Monte Carlo mean") {
  random::Stream stream(3);
  for (const auto& [mean, stddev, best] :
       {std::array{0.5, 1.0, 0.0}, {-1.0, 0.3, 0.0}, {2.0, 0.7, 1.5}}) {
    constexpr int draws = 200000;
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < draws; ++i) {
      const double gain = std::max(best - (mean + stddev * stream.normal()), 0.0);
      sum += gain;
      squares += gain * gain;
    }
    const double average = sum / draws;
    const double error = std::sqrt((squares / draws - average * average) / draws);
    const auto ei = acquisitions_of("ei").front()->function({mean, stddev}, {best, 4.0});
    CHECK(std::abs(ei.value - average) < 4.0 * error);
  }
}

TEST_CASE("under noise an improvement counts beyond one stddev of it") {
  const Acquisition& ei = *acquisitions_of("ei").front();
  const Acquisition& logei = *acquisitions_of("logei").front();
  for (const double stddev : {0.02, 0.5, 3.0}) {
    const Prediction here{0.1, stddev};
    const double expected = ei.function(here, {0.2 - 0.4, 4.0}).value;
    CHECK(relative(ei.function(here, {0.2, 4.0, 0.4}).value, expected) < 1e-12);
    CHECK(std::exp(logei.function(here, {0.2, 4.0, 0.4}).value) ==
          doctest::Approx(expected).epsilon(1e-10));
  }
  CHECK(std::isfinite(logei.function({0.1, 1e-12}, {0.2, 4.0, 1.0}).value));
}

TEST_CASE("log h has no step where its branches meet") {
  for (const double z : {-1.0, -25.0}) {
    CHECK(log_h(std::nextafter(z, 0.0)) == doctest::Approx(log_h(z)).epsilon(1e-13));
    CHECK(dlog_h(std::nextafter(z, 0.0)) == doctest::Approx(dlog_h(z)).epsilon(1e-12));
  }
  for (const double z : {2.0, -0.5, -3.0, -30.0}) {
    CHECK(dlog_h(z) == doctest::Approx((log_h(z + 1e-6) - log_h(z - 1e-6)) / 2e-6).epsilon(1e-6));
  }
}

TEST_CASE("expected hypervolume improvement equals its Monte Carlo mean, with exact gradient") {
  const std::vector<Outcome> front = pareto_front({{0.1, 0.9}, {0.4, 0.5}, {0.8, 0.2}, {0.9, 0.9}});
  CHECK(front.size() == 3);
  const Outcome reference = {1.0, 1.0};
  CHECK(hypervolume(front, reference) == doctest::Approx(0.9 * 0.1 + 0.6 * 0.4 + 0.2 * 0.3));
  random::Stream stream(9);
  for (const std::array<Prediction, 2>& p : {std::array<Prediction, 2>{{{0.3, 0.2}, {0.4, 0.3}}},
                                             {{{0.9, 0.1}, {0.1, 0.05}}},
                                             {{{-0.5, 0.4}, {1.5, 0.4}}}}) {
    constexpr int draws = 100000;
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < draws; ++i) {
      std::vector<Outcome> more = front;
      more.push_back(
          {p[0].mean + p[0].stddev * stream.normal(), p[1].mean + p[1].stddev * stream.normal()});
      const double gain =
          hypervolume(pareto_front(more), reference) - hypervolume(front, reference);
      sum += gain;
      squares += gain * gain;
    }
    const double average = sum / draws;
    const double error = std::sqrt((squares / draws - average * average) / draws);
    const auto exact = expected_hypervolume_improvement(p, front, reference);
    CHECK(std::abs(exact.value - average) < 4.0 * error);
    constexpr double step = 1e-6;
    for (std::size_t k = 0; k < 2; ++k) {
      const auto moved = [&](double mean, double stddev) {
        auto q = p;
        q[k].mean += mean;
        q[k].stddev += stddev;
        return expected_hypervolume_improvement(q, front, reference).value;
      };
      CHECK(exact.by_mean[k] ==
            doctest::Approx((moved(step, 0) - moved(-step, 0)) / (2 * step)).epsilon(1e-6));
      CHECK(exact.by_stddev[k] ==
            doctest::Approx((moved(0, step) - moved(0, -step)) / (2 * step)).epsilon(1e-6));
    }
  }
}

TEST_CASE("the portfolio prefers who nominated points that turned out low") {
  const Data data = smooth_data(20, 2, 2);
  const Gp gp(data, moderate(2));
  const arma::vec low = {0.99, 0.99}, high = {0.5, 0.3};
  REQUIRE(gp.predict(low).mean < gp.predict(high).mean - 0.5);
  CHECK(arma::all(hedge_probabilities(gp, {}, 4) == 0.25));
  const std::vector<std::vector<arma::vec>> rounds(5, {high, low, high});
  const arma::vec p = hedge_probabilities(gp, rounds, 3);
  CHECK(p[1] > 0.9);
  CHECK(p[0] == p[2]);
  CHECK(p[0] + p[1] + p[2] == doctest::Approx(1.0));
}

TEST_CASE("the hypervolume does not change with the order or with dominated outcomes") {
  random::Stream stream(4);
  for (int repeat = 0; repeat < 50; ++repeat) {
    std::vector<Outcome> outcomes;
    for (int i = 0; i < 12; ++i) outcomes.push_back({stream.uniform(), stream.uniform()});
    // By counting: the share of a fine grid that some outcome dominates.
    int covered = 0;
    constexpr int grid = 100;
    for (int i = 0; i < grid; ++i) {
      for (int j = 0; j < grid; ++j) {
        const double x = (i + 0.5) / grid, y = (j + 0.5) / grid;
        covered += std::any_of(outcomes.begin(), outcomes.end(),
                               [&](const Outcome& o) { return o[0] <= x && o[1] <= y; });
      }
    }
    const double area = hypervolume(pareto_front(outcomes), {1.0, 1.0});
    CHECK(std::abs(area - double{1} * covered / (grid * grid)) < 0.02);
    stream.shuffle(outcomes);
    CHECK(hypervolume(pareto_front(outcomes), {1.0, 1.0}) == area);
  }
}

TEST_CASE("the warp is monotone, standardises, and its inverse and slope agree with it") {
  const arma::vec y = {3.0, -1.0, 250.0, 0.5, 2.0, 1e4};
  for (const double strength : {0.0, 1.0, 10.0, 100.0}) {
    CAPTURE(strength);
    const Warp warp(y, strength);
    const arma::vec z = warp.forward(y);
    for (arma::uword i = 0; i < 6; ++i) {
      CHECK(warp.inverse(z(i)) == doctest::Approx(y(i)).epsilon(1e-9));
      const double slope = (warp.inverse(z(i) + 1e-6) - warp.inverse(z(i) - 1e-6)) / 2e-6;
      CHECK(warp.slope(z(i)) == doctest::Approx(slope).epsilon(1e-5));
    }
    CHECK(std::abs(arma::mean(z)) < 1e-12);
    CHECK(arma::stddev(z, 1) == doctest::Approx(1.0));
    CHECK(arma::all(arma::sort_index(z) == arma::sort_index(y)));
  }
}

TEST_CASE("the projection onto the simplex is the nearest of many points") {
  random::Stream stream(6);
  for (int repeat = 0; repeat < 200; ++repeat) {
    arma::vec v(4);
    for (double& x : v) x = 2.0 * stream.normal();
    const arma::vec w = project_to_simplex(v);
    CHECK(w.min() >= 0.0);
    CHECK(arma::accu(w) == doctest::Approx(1.0));
    // Optimality: (v - w) . (s - w) <= 0 for each vertex s of the simplex.
    CHECK(arma::all((v - w) - arma::dot(v - w, w) <= 1e-12));
  }
}

TEST_CASE("minimise finds constrained minima of boxes and simplices") {
  // 0.5 (x - c)' D (x - c): a badly scaled bowl; the box clips its centre.
  const Domain box{arma::zeros(3), arma::ones(3), {}};
  const arma::vec centre = {1.5, 0.25, -0.5}, curvature = {1.0, 1000.0, 10.0};
  arma::vec slope;
  const auto give_slope = [&] { return slope; };
  const Objective bowl{[&](const arma::vec& x) {
                         slope = curvature % (x - centre);
                         return 0.5 * arma::dot(slope, x - centre);
                       },
                       give_slope};
  const arma::vec inside = minimise(bowl, box, {0.5, 0.5, 0.5}, {100, 1e-8});
  CHECK(inside(0) == 1.0);
  CHECK(inside(1) == doctest::Approx(0.25).epsilon(1e-7));
  CHECK(inside(2) == 0.0);

  // On the simplex: minimise sum a_k (w_k - c_k)^2 with the optimum on a face. KKT by hand.
  const Domain simplex{arma::zeros(3), arma::ones(3), {arma::span(0, 2)}};
  const arma::vec goal = {0.7, 0.4, -0.6};
  const Objective face{[&](const arma::vec& w) {
                         slope = 2.0 * (w - goal);
                         return arma::dot(w - goal, w - goal);
                       },
                       give_slope};
  for (const arma::vec& start :
       {arma::vec{0.2, 0.2, 0.6}, arma::vec{0.0, 0.0, 1.0}, arma::vec{1.0, 0.0, 0.0}}) {
    const arma::vec w = minimise(face, simplex, start, {100, 1e-9});
    CHECK(w(0) == doctest::Approx(0.65).epsilon(1e-7));
    CHECK(w(1) == doctest::Approx(0.35).epsilon(1e-7));
    CHECK(w(2) == doctest::Approx(0.0));
  }
}

TEST_CASE("a Sobol prefix of 2^k points has one point in each elementary interval") {
  const Sobol sobol(40, 11);
  std::vector<double> u(40);
  std::vector<std::array<int, 64>> counts(40);
  for (std::uint32_t i = 0; i < 64; ++i) {
    sobol.point(i, u);
    for (std::size_t j = 0; j < 40; ++j) ++counts[j][static_cast<std::size_t>(64.0 * u[j])];
  }
  for (const auto& column : counts) {
    for (const int count : column) CHECK(count == 1);
  }
  std::vector<double> other(40);
  Sobol(40, 12).point(0, other);
  sobol.point(0, u);
  CHECK(other != u);
}

}  // namespace
}  // namespace runner::bo
