// Cells search at once, each on a thread of its own, in one process with one OpenBLAS.
#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <thread>
#include <utility>

#include "random/philox.hpp"
#include "soundness.hpp"

namespace runner::bo {
namespace {

// Outcomes of a smooth function with noise. Few: the BLAS then is called, and hands out a work
// buffer, as often as can be.
std::vector<Observation> noisy_history(std::uint64_t seed, std::uint64_t count) {
  random::Stream stream(seed);
  std::vector<Observation> history;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Point x = {stream.uniform(), stream.uniform(), stream.uniform(), stream.uniform()};
    const double y = std::sin(5.0 * x[0]) + x[1] * x[2] - x[3] + 0.1 * stream.normal();
    history.push_back(observed(x, y));
  }
  return history;
}

TEST_CASE("many studies give the same bytes on one thread, on two and on eight") {
  Space space;
  for (const char* name : {"a", "b", "c", "d"}) space.variables.emplace_back().name = name;
  std::vector<std::vector<Observation>> histories;
  for (std::uint64_t s = 0; s < 96; ++s) histories.push_back(noisy_history(s, 9 + s % 12));

  const auto run = [&](std::size_t threads) {
    std::vector<std::vector<Suggestion>> results(histories.size());
    std::vector<Recommendation> best(histories.size());
    std::atomic<std::size_t> next{0};
    {
      std::vector<std::jthread> pool;
      for (std::size_t t = 0; t < threads; ++t) {
        pool.emplace_back([&, t] {
          for (std::size_t s; (s = next++) < histories.size();) {
            const std::vector<char> shifted(1 + 16 * t + 1000 * s);  // other addresses
            results[s] = suggest(space, histories[s], {}, s, 2);
            best[s] = recommend(space, histories[s], {}).front();
          }
        });
      }
    }
    return std::pair(std::move(results), std::move(best));
  };
  const auto [alone, best_alone] = run(1);
  for (const std::size_t threads : {2UL, 8UL, 8UL, 8UL}) {
    CAPTURE(threads);
    const auto [together, best] = run(threads);
    for (std::size_t s = 0; s < histories.size(); ++s) {
      CAPTURE(s);
      CHECK(same(together[s][0], alone[s][0]));
      CHECK(same(together[s][1], alone[s][1]));
      CHECK(best[s].index == best_alone[s].index);
      CHECK(best[s].predictions[0].mean == best_alone[s].predictions[0].mean);
    }
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
  const Recommendation best = recommend(space, history, options).front();
  CHECK(best.index == 1);
  CHECK(std::isfinite(best.predictions[0].mean));
  CHECK(recommend(space, history, {}).size() == 1);
}

}  // namespace
}  // namespace runner::bo
