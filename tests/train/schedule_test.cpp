#include "train/schedule.hpp"

#include <vector>

#include "doctest/doctest.h"

using namespace runner::train;

TEST_CASE("warm-up steps are the ratio's ceiling") {
  Options options;
  options.warmup = 0.06;
  CHECK(warmup_steps(options, 100) == 6);
  CHECK(warmup_steps(options, 101) == 7);
  options.warmup = 0.0;
  CHECK(warmup_steps(options, 100) == 0);
}

// Values of transformers.get_{linear,cosine,constant}_schedule_with_warmup at lr 1, 2 of 6 steps.
TEST_CASE("schedules give the values of transformers") {
  Options options;
  options.lr = 1.0;
  options.warmup = 0.3;
  const std::int64_t steps = 6;
  REQUIRE(warmup_steps(options, steps) == 2);
  const auto rates = [&](Schedule schedule) {
    options.schedule = schedule;
    std::vector<double> out;
    for (std::int64_t step = 1; step <= steps; ++step)
      out.push_back(learning_rate(options, step, steps));
    return out;
  };
  CHECK(rates(Schedule::linear) == std::vector<double>{0.0, 0.5, 1.0, 0.75, 0.5, 0.25});
  CHECK(rates(Schedule::constant) == std::vector<double>{0.0, 0.5, 1.0, 1.0, 1.0, 1.0});
  const std::vector<double> cosine = rates(Schedule::cosine);
  CHECK(cosine[3] == doctest::Approx(0.8535533905932737));
  CHECK(cosine[4] == doctest::Approx(0.5));
  CHECK(cosine[5] == doctest::Approx(0.14644660940672627));
}

TEST_CASE("first_step one starts at lr / warm-up and reaches the peak") {
  Options options;
  options.lr = 1.0;
  options.warmup = 0.3;
  options.first_step = FirstStep::one;
  CHECK(learning_rate(options, 1, 6) == 0.5);
  CHECK(learning_rate(options, 2, 6) == 1.0);
  CHECK(learning_rate(options, 3, 6) == 1.0);
  CHECK(learning_rate(options, 6, 6) == 0.25);
}
