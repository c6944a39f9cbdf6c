#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "bo/suggest.hpp"
#include "random/philox.hpp"
#include "soundness.hpp"

namespace runner::bo {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Space box(int dimensions) {
  Space space;
  for (int i = 0; i < dimensions; ++i) {
    space.variables.emplace_back().name = "x" + std::to_string(i);
  }
  return space;
}

Space weights(int size) {
  Space space;
  Variable& w = space.variables.emplace_back();
  w.name = "w";
  w.type = Type::simplex;
  w.size = size;
  return space;
}

// All acquisitions on one history.
void check_all(const Space& space, const std::vector<Observation>& history) {
  for (const char* name : {"ei", "logei", "pi", "ucb", "hedge", "ei+ucb"}) {
    for (const Noise noise : {Noise::deterministic, Noise::learned}) {
      CAPTURE(name);
      Options options;
      options.acquisition = name;
      options.noise = noise;
      options.initial = 1;
      const Suggestion s = suggest(space, history, options, 3);
      CHECK(sound(space, s));
      CHECK(same(s, suggest(space, history, options, 3)));
    }
  }
}

TEST_CASE("one observation is enough to go on") {
  check_all(box(3), {observed({0.5, 0.5, 0.5}, 1.0)});
}

TEST_CASE("fewer observations than dimensions are enough to go on") {
  check_all(box(12), {observed(Point(12, 0.5), 1.0), observed(Point(12, 0.25), 2.0)});
}

TEST_CASE("equal points and equal outcomes do not break the fit") {
  std::vector<Observation> equal(30, observed({0.3, 0.7}, 2.0));
  check_all(box(2), equal);
  for (std::size_t i = 0; i < equal.size(); ++i) equal[i].y = static_cast<double>(i % 3);
  check_all(box(2), equal);
}

TEST_CASE("constant outcomes lead to exploration") {
  std::vector<Observation> history;
  for (int i = 0; i < 12; ++i) history.push_back(observed({i / 12.0, (5 * i % 12) / 12.0}, 7.0));
  check_all(box(2), history);
}

TEST_CASE("huge and non-finite outcomes are survived") {
  std::vector<Observation> history;
  const std::vector<double> odd = {1e300,   kNaN, -kInfinity, 1.0,    kInfinity, -1e300,
                                   1.7e308, 2.0,  3.0,        1e-300, -1.7e308,  0.5};
  for (std::size_t i = 0; i < odd.size(); ++i) {
    history.push_back(observed(
        {static_cast<double>(i) / 12.0, std::fmod(static_cast<double>(i) * 0.37, 1.0)}, odd[i]));
  }
  check_all(box(2), history);
  history[5].y = history[10].y = 4.0;
  check_all(box(2), history);
}

TEST_CASE("a thousand near-duplicates do not break the Cholesky factor") {
  random::Stream stream(1);
  std::vector<Observation> history;
  for (int i = 0; i < 1000; ++i) {
    const double x = 0.4 + 1e-9 * stream.uniform(), y = 0.6 + 1e-9 * stream.uniform();
    history.push_back(observed({x, y}, x + y));
  }
  Options options;
  options.noise = Noise::deterministic;
  CHECK(sound(box(2), suggest(box(2), history, options, 1)));
}

TEST_CASE("a variable with one value is left out, and a space of one point is exhausted") {
  Space space = box(2);
  space.variables[1].low = space.variables[1].high = 0.25;
  check_all(space, {observed({0.1, 0.25}, 1.0), observed({0.9, 0.25}, 2.0)});
  space.variables[0].low = space.variables[0].high = 3.0;
  CHECK(suggest(space, {}, {}, 1).x == Point{3.0, 0.25});
  CHECK_FALSE(suggest(space, {}, {}, 1).exhausted);
  const std::vector<Observation> known = {observed({3.0, 0.25}, 1.0)};
  CHECK(suggest(space, known, {}, 1).x == Point{3.0, 0.25});
  CHECK(suggest(space, known, {}, 1).exhausted);
  check_all(weights(1), {observed({1.0}, 1.0)});
}

TEST_CASE("when every trial failed the design goes on") {
  std::vector<Observation> history;
  for (int i = 0; i < 20; ++i)
    history.push_back(observed({i / 20.0, i / 20.0}, kNaN, Status::failed));
  const Suggestion s = suggest(box(2), history, {}, 1);
  CHECK(sound(box(2), s));
  CHECK(s.source == "sobol");
}

TEST_CASE("vertices only are a valid history of a simplex") {
  std::vector<Observation> history;
  for (std::size_t k = 0; k < 5; ++k) {
    history.push_back(observed(Point(5, 0.0), static_cast<double>(k)));
    history.back().x[k] = 1.0;
  }
  check_all(weights(5), history);
}

TEST_CASE("failed trials repel") {
  // A bowl whose centre fails: the next points keep away from it.
  std::vector<Observation> history;
  for (int i = 0; i <= 4; ++i) {
    for (int j = 0; j <= 4; ++j) {
      const double x = i / 4.0, y = j / 4.0;
      const bool centre = i == 2 && j == 2;
      history.push_back(observed({x, y}, std::pow(x - 0.5, 2) + std::pow(y - 0.5, 2),
                                 centre ? Status::failed : Status::ok));
    }
  }
  const Suggestion s = suggest(box(2), history, {}, 1);
  CHECK(std::hypot(s.x[0] - 0.5, s.x[1] - 0.5) > 0.05);
  history[12].status = Status::ok;
  const Suggestion attracted = suggest(box(2), history, {}, 1);
  CHECK(std::hypot(attracted.x[0] - 0.5, attracted.x[1] - 0.5) < 0.05);
}

TEST_CASE("points suggested together differ, and pending points are not suggested again") {
  std::vector<Observation> history;
  for (int i = 0; i < 10; ++i) history.push_back(observed({i / 10.0, (3 * i % 10) / 10.0}, i % 4));
  Options options;
  const auto together = suggest(box(2), history, options, 5, 4);
  REQUIRE(together.size() == 4);
  for (std::size_t a = 0; a < 4; ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      CHECK(arma::norm(arma::vec(together[a].x) - arma::vec(together[b].x), "inf") > 1e-4);
    }
  }
  // Asking for one after another with the earlier ones pending is the same.
  for (const Suggestion& s : together) {
    CHECK(suggest(box(2), history, options, 5).x == s.x);
    history.push_back(observed(s.x, kNaN, Status::pending));
  }
}

TEST_CASE("a space of choices and integers is exhausted, never repeated, when deterministic") {
  Space space;
  Variable& layers = space.variables.emplace_back();
  layers.name = "layers";
  layers.type = Type::integer;
  layers.low = 1;
  layers.high = 4;
  Variable& batch = space.variables.emplace_back();
  batch.name = "batch";
  batch.type = Type::choice;
  batch.values = {"8", "16", "32"};
  Options options;
  options.noise = Noise::deterministic;
  std::vector<Observation> history;
  for (int i = 0; i < 12; ++i) {
    const Suggestion s = suggest(space, history, options, 2);
    CHECK_FALSE(s.exhausted);
    for (const Observation& o : history) CHECK(o.x != s.x);
    history.push_back(observed(s.x, s.x[0] * s.x[0] - s.x[1]));
  }
  CHECK(suggest(space, history, options, 2).exhausted);
}

TEST_CASE("nothing left to gain is said") {
  const Space space = weights(3);
  Options options;
  options.noise = Noise::deterministic;
  options.stop_expected_improvement = 1e-3;
  std::vector<Observation> history;
  int used = 0;
  for (; used < 40; ++used) {
    const Suggestion s = suggest(space, history, options, 2);
    if (s.exhausted) break;
    double y = 0.0;
    for (std::size_t k = 0; k < 3; ++k) y += std::pow(s.x[k] - (k == 0 ? 1.0 : 0.0), 2);
    history.push_back(observed(s.x, y));
  }
  CHECK(used > start_design(2));
  CHECK(used < 40);
}

TEST_CASE("invalid spaces, points and options are named") {
  const auto message = [](const Space& space, const std::vector<Observation>& history,
                          const Options& options) -> std::string {
    try {
      suggest(space, history, options, 1);
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "";
  };
  Space space = box(2);
  CHECK(message(space, {observed({0.5, 2.0}, 1.0)}, {}) ==
        "observation 1: x1 = 2 is outside [0, 1]");
  CHECK(message(space, {observed({0.5}, 1.0)}, {}) == "observation 1: 1 values for 2 columns");
  CHECK(message(weights(2), {observed({0.5, 0.6}, 1.0)}, {}) ==
        "observation 1: the weights of w sum to 1.1, not 1");
  Options options;
  options.starts = {{0.5, kNaN}};
  CHECK(message(space, {}, options) == "start 1: x1 = nan");
  options.starts.clear();
  options.acquisition = "eii";
  CHECK(message(space, {}, options) ==
        "unknown acquisition 'eii' (known: ei, logei, pi, ucb, hedge, ehvi, or several joined by "
        "'+' to alternate)");
  space.variables[0].log = true;
  CHECK(message(space, {}, {}) == "variable 'x0': a log scale needs low > 0, not [0, 1]");
}

TEST_CASE("known noise variances are believed") {
  // Two groups of outcomes at equal points: the precise one decides the mean there.
  std::vector<Observation> history;
  for (int i = 0; i < 10; ++i) history.push_back(observed({i / 9.0}, std::sin(6.0 * i / 9.0)));
  history.push_back(observed({0.5}, -3.0));
  history.back().noise_variance = 4.0;
  const Recommendation believed = recommend(box(1), history, {}).front();
  history.back().noise_variance = 1e-8;
  const Recommendation precise = recommend(box(1), history, {}).front();
  CHECK(precise.index == 10);
  CHECK(believed.index != 10);
}

TEST_CASE("two objectives: the hypervolume improves on the start design") {
  const Space space = weights(3);
  Options options;
  options.acquisition = "ehvi";
  options.noise = Noise::deterministic;
  std::vector<Observation> history;
  int on_front = 0;
  for (int i = 0; i < 20; ++i) {
    const Suggestion s = suggest(space, history, options, 4);
    CHECK(sound(space, s));
    Observation o = observed(s.x, std::pow(s.x[0] - 1.0, 2) + std::pow(s.x[1], 2));
    o.y2 = std::pow(s.x[0], 2) + std::pow(s.x[1] - 1.0, 2);
    o.warm_start = s.warm_start;
    // Every trade-off lies on the edge between the first two weights.
    if (s.source == "ehvi" && s.x[2] < 1e-3) ++on_front;
    history.push_back(std::move(o));
  }
  CHECK(on_front >= 10);
}

}  // namespace
}  // namespace runner::bo
