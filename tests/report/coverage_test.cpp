#include "report/coverage.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "report/resample.hpp"

using namespace runner;
using namespace runner::report;

TEST_CASE("the t interval covers 94 % and more of normal and heavy-tailed differences") {
  for (int shape = 0; shape < 2; ++shape) {
    for (const int seeds : {3, 5}) {
      for (const int tasks : {1, 9}) {
        const Coverage found =
            simulate_t(shapes()[static_cast<std::size_t>(shape)], seeds, tasks, false, 2000, 1);
        CAPTURE(shapes()[static_cast<std::size_t>(shape)].name);
        CAPTURE(seeds);
        CAPTURE(tasks);
        CHECK(found.covered >= 0.94);
        CHECK(found.false_alarms <= 0.06);
        CHECK(found.half_width > 0.0);
      }
    }
  }
}

TEST_CASE("the shapes have the means that they name") {
  for (const Shape& shape : shapes()) {
    random::Stream stream(7);
    double sum = 0.0;
    for (int i = 0; i < 200000; ++i) sum += shape.draw(stream);
    CAPTURE(shape.name);
    CHECK(sum / 200000 == doctest::Approx(shape.mean).epsilon(0.03));
  }
}

TEST_CASE("resampling rows of one seed's models finds what the rows say, whatever the labels") {
  data::Task task;
  task.name = "mine";
  task.labels = {"no", "yes"};
  task.metrics = {data::Metric::accuracy};
  // 100 rows: both right on 60, the first alone on 30, the second alone on 10.
  std::vector<experiment::Predictions> first(1), second(1);
  for (int row = 0; row < 100; ++row) {
    const auto label = static_cast<float>(row % 2);
    for (auto* parts : {&first, &second}) parts->front().labels.push_back(label);
    first[0].predicted.push_back(row < 90 ? label : 1.0f - label);
    second[0].predicted.push_back(row < 60 || row >= 90 ? label : 1.0f - label);
  }
  const std::size_t all[] = {0};
  const Resampled resampled({{&task, {{{0, 3}, &first}, {{1, 3}, &second}}}}, 4000);
  const Interval interval = resampled.interval(all, 0, 1, 0.95);
  // The difference is 20 points with a standard error of sqrt(.4 - .2 ^ 2) / 10.
  CHECK(std::abs(interval.low - (20.0 - 11.76)) < 1.5);
  CHECK(std::abs(interval.high - (20.0 + 11.76)) < 1.5);
  const Interval reversed = resampled.interval(all, 1, 0, 0.95);
  CHECK(reversed.low == doctest::Approx(-interval.high));
  CHECK(std::isnan(resampled.interval(all, 0, 2, 0.95).low));  // no such model
}

TEST_CASE("a task of two parts is resampled part by part, and seeds with their pairs") {
  data::Task task;
  task.name = "mine";
  task.labels = {"no", "yes"};
  task.metrics = {data::Metric::accuracy};
  const auto model = [](float first, float second) {
    return std::vector<experiment::Predictions>{{{1.0f, 1.0f}, {first, first}}, {{1.0f}, {second}}};
  };
  // By seed the first method has 100 and 50, the second 50 and 50: the parts count the same.
  const auto right = model(1.0f, 1.0f), half = model(0.0f, 1.0f);
  const std::size_t all[] = {0};
  const Resampled resampled(
      {{&task, {{{0, 0}, &right}, {{1, 0}, &half}, {{0, 1}, &half}, {{1, 1}, &half}}}}, 1000);
  const Interval interval = resampled.interval(all, 0, 1, 0.95);
  CHECK(interval.low == 0.0);    // the second seed twice
  CHECK(interval.high == 50.0);  // the first seed twice
}
