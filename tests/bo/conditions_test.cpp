// Variables that exist only where others have some values.
#include "bo/conditions.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>

#include "random/philox.hpp"
#include "soundness.hpp"

namespace runner::bo {
namespace {

Variable choice(std::string name, std::vector<std::string> values,
                std::vector<Condition> when = {}) {
  Variable v;
  v.name = std::move(name);
  v.type = Type::choice;
  v.values = std::move(values);
  v.when = std::move(when);
  return v;
}

Variable real(std::string name, std::vector<Condition> when = {}) {
  Variable v;
  v.name = std::move(name);
  v.when = std::move(when);
  return v;
}

Variable integer(std::string name, double low, double high, std::vector<Condition> when = {}) {
  Variable v = real(std::move(name), std::move(when));
  v.type = Type::integer;
  v.low = low;
  v.high = high;
  return v;
}

// An optimiser, and what only some of them have; nesterov hangs on a chain.
Space optimisers() {
  Space space;
  space.variables = {choice("optimizer", {"sgd", "adam", "lion"}),
                     real("lr"),
                     real("momentum", {{0, {0.0}}}),
                     choice("nesterov", {"no", "yes"}, {{0, {0.0}}}),
                     real("damping", {{3, {1.0}}}),
                     real("beta2", {{0, {1.0, 2.0}}})};
  return space;
}

std::string refusal(const Space& space) {
  try {
    suggest(space, {}, {}, 1);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST_CASE("a variable exists where its conditions hold and its parents exist") {
  const Space space = optimisers();
  using Exists = std::vector<bool>;
  CHECK(existing(space, {0, 0.1, 0.2, 1, 0.3, 0.4}) == Exists{1, 1, 1, 1, 1, 0});
  CHECK(existing(space, {0, 0.1, 0.2, 0, 0.3, 0.4}) == Exists{1, 1, 1, 1, 0, 0});
  CHECK(existing(space, {1, 0.1, 0.2, 1, 0.3, 0.4}) == Exists{1, 1, 0, 0, 0, 1});  // the chain
  CHECK(existing(space, {2, 0.1, 0.2, 1, 0.3, 0.4}) == Exists{1, 1, 0, 0, 0, 1});
}

TEST_CASE("what does not exist at a point is not looked at and makes no difference") {
  const Space space = optimisers();
  const Encoding encoding(space);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Point adam = encoding.checked({1, 0.1, nan, nan, nan, 0.4}, "adam");
  CHECK(adam == encoding.checked({1, 0.1, 7, 99, -3, 0.4}, "adam"));
  CHECK(arma::all(encoding.encode(adam) == encoding.encode({1, 0.1, 0.9, 1, 0.9, 0.4})));
  CHECK_THROWS_AS(encoding.checked({0, 0.1, nan, 0, 0, 0}, "sgd"), std::invalid_argument);
  // It stands in the middle: as far from momentum 0 as from momentum 1, from either nesterov.
  const auto features = encoding.encode(adam);
  CHECK(features[encoding.features() - 1] == 0.4);
  CHECK(features[4] == 0.5);
  CHECK(features[5] == features[6]);
}

TEST_CASE("only points that differ in something that exists are counted and enumerated") {
  Space space;
  space.variables = {choice("a", {"x", "y", "z"}), integer("n", 1, 4, {{0, {0.0}}}),
                     choice("b", {"u", "v"}, {{1, {2.0, 3.0}}})};
  const Encoding encoding(space);
  // x: n is 1, 4 (no b) or 2, 3 (two values of b); y; z.
  CHECK(encoding.count() == 2 + 2 * 2 + 2);
  std::set<std::vector<double>> seen;
  for (std::size_t i = 0; i < encoding.count(); ++i) {
    const Point point = encoding.enumerate(i);
    CHECK(encoding.checked(point, "enumerated") == point);
    const arma::vec features = encoding.encode(point);
    seen.insert({features.begin(), features.end()});
  }
  CHECK(seen.size() == encoding.count());
}

TEST_CASE("every way to make a point leaves what does not exist neutral") {
  const Space space = optimisers();
  const Encoding encoding(space);
  random::Stream stream(3);
  for (int i = 0; i < 200; ++i) {
    std::vector<double> u(encoding.cube());
    for (double& x : u) x = stream.uniform();
    const Point point = encoding.from_cube(u);
    std::vector<Point> made = encoding.neighbours(point);
    made.insert(made.end(), {point, encoding.near(point, 0.3, stream),
                             encoding.decode(encoding.encode(point))});
    for (const Point& p : made) CHECK(encoding.checked(p, "made") == p);
    const Domain domain = encoding.domain(encoding.encode(point));
    const std::vector<bool> exists = existing(space, point);
    CHECK((domain.lower[4] < domain.upper[4]) == exists[2]);
    CHECK((domain.lower[8] < domain.upper[8]) == exists[5]);
  }
}

TEST_CASE("the best branch of a conditional space is found, and its own variable tuned") {
  const Space space = optimisers();
  const auto loss = [&](const Point& x) {
    const std::vector<bool> exists = existing(space, x);
    double y = std::pow(x[1] - 0.4, 2) + (exists[5] ? 0.3 + 0.2 * x[5] : 0.0);
    if (exists[2]) y += std::pow(x[2] - 0.8, 2) + (x[3] == 1.0 ? 0.0 : 0.1);
    if (exists[4]) y += std::pow(x[4] - 0.2, 2);
    return y;
  };
  Options options;
  options.noise = Noise::deterministic;
  std::vector<Observation> history;
  for (int i = 0; i < 45; ++i) {
    const Suggestion s = suggest(space, history, options, 6);
    CHECK(sound(space, s));
    history.push_back(observed(s.x, loss(s.x)));
  }
  const Recommendation best = recommend(space, history, options).front();
  CHECK(history[best.index].y < 0.01);  // adam and lion end at 0.3
}

TEST_CASE("conditions that cannot be are named") {
  Space space;
  space.variables = {choice("a", {"x", "y"}, {{1, {0.0}}}), choice("b", {"u", "v"}, {{2, {0.0}}}),
                     choice("c", {"s", "t"}, {{0, {1.0}}})};
  CHECK(refusal(space) == "variable 'a': it depends on itself, through 'c'");
  space.variables = {real("lr"), real("x", {{0, {0.0}}})};
  CHECK(refusal(space) ==
        "variable 'x': a condition on 'lr', which is neither a choice nor an integer");
  space.variables = {integer("n", 1, 4), real("x", {{0, {5.0}}})};
  CHECK(refusal(space) == "variable 'x': a condition on 'n' = 5, which it never is");
  space.variables = {integer("n", 1, 4), real("x", {{2, {5.0}}})};
  CHECK(refusal(space) == "variable 'x': a condition on variable 3 of 2");
  space.variables = {integer("n", 1, 4), real("x", {{0, {}}})};
  CHECK(refusal(space) == "variable 'x': a condition on 'n' without values");
}

}  // namespace
}  // namespace runner::bo
