// What a history may tell beyond points of the space with one outcome each.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "random/philox.hpp"
#include "soundness.hpp"

namespace runner::bo {
namespace {

Space line(double low, double high) {
  Space space;
  Variable& x = space.variables.emplace_back();
  x.name = "x";
  x.low = low;
  x.high = high;
  return space;
}

Space letters(std::vector<std::string> values, int retired = 0) {
  Space space;
  Variable& v = space.variables.emplace_back();
  v.name = "letter";
  v.type = Type::choice;
  v.values = std::move(values);
  v.retired = retired;
  return space;
}

TEST_CASE("points outside narrowed bounds are refused, or kept as knowledge") {
  // A valley whose floor, at 0.3, was left outside when the bounds were narrowed.
  std::vector<Observation> history;
  for (int i = 0; i <= 10; ++i)
    history.push_back(observed({i / 10.0}, std::pow(i / 10.0 - 0.3, 2)));
  const Space narrow = line(0.5, 1.0);
  Options options;
  CHECK_THROWS_WITH_AS(suggest(narrow, history, options, 1),
                       "observation 1: x = 0 is outside [0.5, 1]", std::invalid_argument);
  options.keep_outside = true;
  const Suggestion s = suggest(narrow, history, options, 1);
  CHECK(sound(narrow, s));
  CHECK(recommend(narrow, history, options).front().index == 5);  // 0.5, not the floor outside
  // The knowledge counts: the slope towards 0.3 is seen from outside points alone.
  const std::vector<Observation> outside(history.begin(), history.begin() + 5);
  options.acquisition = "ucb";
  options.beta = 0.0;
  CHECK(suggest(narrow, outside, options, 1).x[0] < 0.51);
  CHECK(recommend(narrow, outside, options).empty());
}

TEST_CASE("an outside point has its place on the axis, however far") {
  const Space narrow = line(0.0, 1.0);
  const Encoding encoding(narrow);
  CHECK(encoding.encode({1.5})[0] == 1.5);
  CHECK(encoding.encode({-1e308})[0] == -10.0);
  CHECK_FALSE(encoding.is_inside({1.5}));
  Space scaled = line(1e-4, 1e-2);
  scaled.variables[0].log = true;
  CHECK(Encoding(scaled).encode({1e-5})[0] == doctest::Approx(-0.5));
  CHECK_THROWS_WITH_AS(Encoding(scaled).checked({-1.0}, "row", Outside::kept),
                       "row: x = -1 has no place on a log scale", std::invalid_argument);
  CHECK_THROWS_WITH_AS(Encoding(line(2.0, 2.0)).checked({1.0}, "row", Outside::kept),
                       "row: x = 1 has no place where it is always 2", std::invalid_argument);
}

TEST_CASE("a retired choice is knowledge and never proposed") {
  const Space space = letters({"a", "b", "c", "d"}, 2);
  CHECK(Encoding(space).count() == 2);
  const std::vector<Observation> history = {observed({2}, 0.0), observed({3}, 1.0),
                                            observed({0}, 2.0)};
  Options options;
  options.noise = Noise::deterministic;
  const Suggestion s = suggest(space, history, options, 1);
  CHECK(s.x == Point{1.0});
  CHECK_FALSE(s.exhausted);
  CHECK(recommend(space, history, options).front().index == 2);
  options.starts = {{3}};
  CHECK_THROWS_WITH_AS(suggest(space, history, options, 1),
                       "start 1 has a value that is not proposed any more", std::invalid_argument);
}

TEST_CASE("a finite space is repeated only where noise was found, and says so") {
  const Space space = letters({"a", "b", "c", "d"});
  Options options;
  std::vector<Observation> history;
  for (int i = 0; i < 4; ++i) {
    const Suggestion s = suggest(space, history, options, 2);
    CHECK_FALSE(s.repeated);
    CHECK_FALSE(s.exhausted);
    history.push_back(observed(s.x, s.x[0]));
  }
  const Suggestion over = suggest(space, history, options, 2);
  CHECK(over.exhausted);
  CHECK(over.repeated);
  // The same four letters, each seen six times with noise as large as their difference.
  random::Stream stream(5);
  for (int i = 0; i < 20; ++i) {
    history.push_back(observed({static_cast<double>(i % 4)}, i % 4 + 2.0 * stream.normal()));
  }
  const Suggestion again = suggest(space, history, options, 2);
  CHECK_FALSE(again.exhausted);
  CHECK(again.repeated);
  options.noise = Noise::deterministic;
  CHECK(suggest(space, history, options, 2).exhausted);
}

TEST_CASE("the noise of either objective may be known") {
  std::vector<Observation> history;
  for (int i = 0; i < 12; ++i) {
    Observation o = observed({i / 11.0}, i / 11.0);
    o.y2 = 1.0 - i / 11.0;
    history.push_back(std::move(o));
  }
  history.push_back(observed({0.5}, 0.5));
  history.back().y2 = -5.0;
  const Space space = line(0.0, 1.0);
  Options options;
  options.acquisition = "ehvi";
  history.back().noise_variance2 = 100.0;
  const auto loud = recommend(space, history, options);
  history.back().noise_variance2 = 1e-8;
  const auto precise = recommend(space, history, options);
  CHECK(loud.size() > 4);
  CHECK(precise.size() < loud.size());
  CHECK(std::ranges::count(precise, 12U, &Recommendation::index) == 1);
  history.back().noise_variance2 = -1.0;
  CHECK_THROWS_WITH_AS(recommend(space, history, options), "observation 13: a noise variance of -1",
                       std::invalid_argument);
}

TEST_CASE("the trade-offs of two objectives are those that none beats in both") {
  const auto at = [](double y, double y2) {
    Observation o = observed({y / 10.0}, y);
    o.y2 = y2;
    return o;
  };
  // By hand: 1/9, 2/5, 4/1 remain; 3/5 and 6/6 are beaten; 2/5 twice counts once; the failed not.
  std::vector<Observation> history = {at(3, 5), at(4, 1), at(1, 9), at(6, 6), at(2, 5), at(2, 5)};
  history.push_back(at(0, std::numeric_limits<double>::quiet_NaN()));
  Options options;
  options.acquisition = "ehvi";
  options.noise = Noise::deterministic;
  std::vector<std::size_t> indices;
  for (const Recommendation& point : recommend(line(0.0, 1.0), history, options)) {
    indices.push_back(point.index);
    CHECK(point.predictions[0].mean == doctest::Approx(history[point.index].y).epsilon(0.05));
  }
  CHECK(indices == std::vector<std::size_t>{2, 4, 1});
  CHECK(recommend(line(0.0, 1.0), {}, options).empty());
  // Points that were measured twice count once under noise too, though their means are rounded.
  options.noise = Noise::learned;
  const std::vector<Observation> once = {at(3, 5), at(4, 1), at(1, 9), at(6, 6), at(2, 5)};
  std::vector<Observation> twice = once;
  twice.insert(twice.end(), once.begin(), once.end());
  const auto set = recommend(line(0.0, 1.0), twice, options);
  CHECK(set.size() >= 3);
  for (const Recommendation& point : set) {
    CHECK(point.index < once.size());
    CHECK(std::ranges::count(set, point.index, &Recommendation::index) == 1);
  }
}

}  // namespace
}  // namespace runner::bo
