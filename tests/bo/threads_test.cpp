// Cells search at once, each on a thread of its own, in one process with one OpenBLAS.
#include <doctest/doctest.h>

#include <cmath>
#include <thread>

#include "random/philox.hpp"
#include "soundness.hpp"

namespace runner::bo {
namespace {

TEST_CASE("searches beside each other give the bytes of one alone, wherever their memory lies") {
  Space space;
  for (const char* name : {"a", "b", "c"}) space.variables.emplace_back().name = name;
  std::vector<Observation> history;
  random::Stream stream(8);
  for (int i = 0; i < 37; ++i) {
    const Point x = {stream.uniform(), stream.uniform(), stream.uniform()};
    history.push_back(observed(x, std::sin(5.0 * x[0]) + x[1] * x[2]));
  }
  const Suggestion alone = suggest(space, history, {}, 1);
  constexpr std::size_t kThreads = 4, kRounds = 3;
  std::vector<std::vector<Suggestion>> together(kThreads);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t round = 0; round < kRounds; ++round) {
          const std::vector<char> shifted(1 + 16 * t + 1000 * round);  // other addresses
          together[t].push_back(suggest(space, history, {}, 1));
        }
      });
    }
  }
  for (const std::vector<Suggestion>& suggestions : together) {
    for (const Suggestion& s : suggestions) CHECK(same(s, alone));
  }
}

TEST_CASE("a space of one point has a best observation") {
  Space space;
  Variable& only = space.variables.emplace_back();
  only.name = "only";
  only.low = only.high = 2.0;
  const std::vector<Observation> history = {observed({2.0}, 1.5), observed({2.0}, 1.0)};
  Options options;
  options.noise = Noise::deterministic;
  CHECK(recommend(space, history, options).index == 1);
  CHECK(std::isfinite(recommend(space, history, options).mean));
  CHECK(recommend(space, history, {}).index >= 0);
}

}  // namespace
}  // namespace runner::bo
