#include "bo/suggest.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

namespace runner::bo {
namespace {

Space box(int dimensions) {
  Space space;
  for (int i = 0; i < dimensions; ++i) {
    space.variables.emplace_back().name = "x" + std::to_string(i);
  }
  return space;
}

TEST_CASE("starts come first, then the design, then the acquisition") {
  const Space space = box(2);
  Options options;
  options.starts = {{0.5, 0.5}, {1.0, 0.0}};
  options.initial = 4;
  std::vector<Observation> history;
  std::vector<std::string> sources;
  for (int i = 0; i < 6; ++i) {
    const Suggestion s = suggest(space, history, options, 7);
    sources.push_back(s.source);
    Observation& o = history.emplace_back();
    o.x = s.x;
    o.y = s.x[0] + s.x[1];
    o.warm_start = s.warm_start;
  }
  CHECK(sources == std::vector<std::string>{"start", "start", "sobol", "sobol", "logei", "logei"});
}

TEST_CASE("the start design grows with the dimensions up to four points") {
  for (int d = 1; d < 8; ++d) {
    std::vector<Observation> history;
    while (suggest(box(d), history, {}, 7).source == "sobol") {
      Observation& o = history.emplace_back();
      o.x = suggest(box(d), std::span(history).first(history.size() - 1), {}, 7).x;
      o.y = o.x[0];
    }
    CHECK(static_cast<int>(history.size()) == std::min(d + 1, 4));
  }
}

TEST_CASE("mixtures alternate, or draw from a portfolio whose state is the history") {
  const Space space = box(2);
  std::vector<Observation> history;
  const auto run = [&](const char* name, int evaluations) {
    Options options;
    options.acquisition = name;
    history.clear();
    std::vector<std::string> sources;
    for (int i = 0; i < evaluations; ++i) {
      Observation& o = history.emplace_back();
      const Suggestion s = suggest(space, std::span(history).first(history.size() - 1), options, 7);
      o.x = s.x;
      o.y = std::pow(s.x[0] - 0.3, 2) + std::abs(s.x[1] - 0.8);
      o.warm_start = s.warm_start;
      o.nominees = s.nominees;
      if (i >= 6) sources.push_back(s.source);
    }
    return sources;
  };
  CHECK(run("ei+ucb", 10) == std::vector<std::string>{"ei", "ucb", "ei", "ucb"});
  const auto portfolio = run("hedge", 20);
  CHECK(run("hedge", 20) == portfolio);              // a replay
  CHECK(history.back().warm_start.size() == 2 + 4);  // two length scales, four numbers
  CHECK(history.back().nominees.size() == 4 * 2);    // of two columns
}

TEST_CASE("what the acquisitions nominated decides which of them is asked") {
  // Two acquisitions' nominees were good all along, the others' bad: one of the good ones is asked.
  const Space space = box(1);
  std::vector<Observation> history;
  for (int i = 0; i < 24; ++i) {
    Observation& o = history.emplace_back();
    o.x = {i / 23.0};
    o.y = std::pow(o.x[0] - 0.3, 2);
    o.nominees = {0.3, 1.0, 0.3, 1.0};  // ei, logei, pi, ucb
  }
  Options options;
  options.acquisition = "hedge";
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    const std::string source = suggest(space, history, options, seed).source;
    CHECK((source == "ei" || source == "pi"));
  }
}

TEST_CASE("a prediction goes through what was observed, in its units, and knows less far away") {
  const Space space = box(1);
  Options options;
  options.noise = Noise::deterministic;
  std::vector<Observation> history;
  for (const double x : {0.0, 0.1, 0.2, 0.3, 0.4}) {
    Observation& o = history.emplace_back();
    o.x = {x};
    o.y = 100.0 + 5.0 * std::sin(6.0 * x);
  }
  const std::vector<Point> points = {{0.2}, {0.25}, {1.0}};
  const std::vector<Prediction> there = predict(space, history, options, points);
  REQUIRE(there.size() == 3);
  CHECK(there[0].mean == doctest::Approx(history[2].y).epsilon(1e-4));
  CHECK(there[0].stddev < 0.01);
  CHECK(there[1].mean == doctest::Approx(100.0 + 5.0 * std::sin(1.5)).epsilon(0.01));
  CHECK(there[2].stddev > 10.0 * there[1].stddev);
  const std::vector<Point> outside = {{1.5}};
  CHECK_THROWS_WITH_AS(predict(space, history, options, outside), doctest::Contains("point 1"),
                       std::invalid_argument);
  for (Observation& o : history) o.status = Status::failed;
  CHECK(predict(space, history, options, points).empty());
}

}  // namespace
}  // namespace runner::bo
