#include "fusion/rules.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>
#include <stdexcept>

#include "doctest/doctest.h"
#include "random/philox.hpp"

using namespace runner;
using namespace runner::fusion;

namespace {

// Answers a rule's questions until it knows the weights.
struct Answers {
  std::function<double(std::span<const double>)> loss, score;
  std::vector<Measured> measured{};
  Step last{};

  std::vector<double> run(std::string_view rule, int snapshots, const Options& options = {}) {
    for (;;) {
      last = find_rule(rule)->next({snapshots, options, measured, 7});
      if (last.kind != Step::Kind::measure) return last.alpha;
      REQUIRE(last.alpha.size() == static_cast<std::size_t>(snapshots));
      CHECK(std::accumulate(last.alpha.begin(), last.alpha.end(), 0.0) == doctest::Approx(1.0));
      CHECK(*std::ranges::min_element(last.alpha) >= 0.0);
      Measured& point = measured.emplace_back();
      point.alpha = last.alpha;
      if (last.loss || last.gradient) point.loss = loss(last.alpha);
      if (last.selection) {
        point.selection_score = score(last.alpha);
        point.selection_loss = -point.selection_score;
      }
      if (!last.gradient) continue;
      for (std::size_t k = 0; k < last.alpha.size(); ++k) {
        std::vector<double> moved = last.alpha;
        moved[k] += 1e-6;
        point.gradient.push_back((loss(moved) - point.loss) / 1e-6);
      }
    }
  }
};

double squared_distance(std::span<const double> a, std::span<const double> b) {
  double sum = 0.0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += (a[k] - b[k]) * (a[k] - b[k]);
  return sum;
}

// Loss lowest at `target`, score highest at `other`.
Answers bowls(std::vector<double> target, std::vector<double> other) {
  return {.loss = [target](auto alpha) { return squared_distance(alpha, target); },
          .score = [other](auto alpha) { return -squared_distance(alpha, other); }};
}

}  // namespace

TEST_CASE("every rule ends on the simplex, for any number of snapshots, within its evaluations") {
  for (const Rule& rule : rules()) {
    CAPTURE(rule.name);
    CHECK(find_rule(rule.name) == &rule);
    CHECK_FALSE(rule.summary.empty());
    for (int count = 1; count <= 5; ++count) {
      Answers answers = bowls(std::vector<double>(static_cast<std::size_t>(count), 0.3),
                              std::vector<double>(static_cast<std::size_t>(count), 0.1));
      Options options;
      options.evaluations = 12;
      const std::vector<double> weights = answers.run(rule.name, count, options);
      CHECK(answers.measured.size() <= 12);
      if (answers.last.kind == Step::Kind::average) continue;
      REQUIRE(weights.size() == static_cast<std::size_t>(count));
      CHECK(std::accumulate(weights.begin(), weights.end(), 0.0) == doctest::Approx(1.0));
    }
  }
  CHECK(find_rule("mean") == nullptr);
}

TEST_CASE("lawa, swa and last give the weights that their names say and ask nothing") {
  Options options;
  options.last_k = 2;
  Answers answers;
  CHECK(answers.run("lawa", 4, options) == std::vector<double>{0, 0, 0.5, 0.5});
  CHECK(answers.run("swa", 4) == std::vector<double>(4, 0.25));
  CHECK(answers.run("last", 3) == std::vector<double>{0, 0, 1});
  CHECK(answers.measured.empty());
  answers.run("ema", 3);
  CHECK(answers.last.kind == Step::Kind::average);
}

TEST_CASE("best is the snapshot with the best score, the later of equals, never a failed one") {
  const auto best = [](std::vector<double> scores) {
    Answers answers;
    answers.score = [&](std::span<const double> alpha) {
      return scores[static_cast<std::size_t>(std::ranges::max_element(alpha) - alpha.begin())];
    };
    return answers.run("best", static_cast<int>(scores.size()));
  };
  CHECK(best({0.3, 0.7, std::nan("")}) == std::vector<double>{0, 1, 0});
  CHECK(best({0.7, 0.7, 0.2}) == std::vector<double>{0, 1, 0});
}

TEST_CASE("weights by loss fall with it, whatever its unit, and equal losses weigh the same") {
  const auto weighted = [](std::vector<double> losses) {
    Answers answers;
    answers.loss = [&](std::span<const double> alpha) {
      return losses[static_cast<std::size_t>(std::ranges::max_element(alpha) - alpha.begin())];
    };
    return answers.run("weighted", static_cast<int>(losses.size()));
  };
  const auto weights = weighted({0.3, 0.1, 0.2});
  CHECK(weights[1] / weights[0] == doctest::Approx(std::exp(0.2 / std::sqrt(0.02 / 3))));
  const auto scaled = weighted({30.0, 10.0, 20.0});
  for (std::size_t k = 0; k < 3; ++k) CHECK(scaled[k] == doctest::Approx(weights[k]));
  CHECK(weighted({0.4, 0.4}) == std::vector<double>{0.5, 0.5});
  CHECK(weighted({0.4, std::nan("")}) == std::vector<double>{1.0, 0.0});
  CHECK_THROWS_WITH_AS(weighted({std::nan(""), HUGE_VAL}), "no snapshot has a finite loss",
                       std::runtime_error);
}

TEST_CASE("a greedy soup takes in what does not hurt, from the best snapshot on") {
  // The mean of 0 and 2 is the optimum; 1 only hurts.
  Answers answers = bowls({}, {0.5, 0.0, 0.5});
  CHECK(answers.run("greedy", 3) == std::vector<double>{0.5, 0, 0.5});
  CHECK(answers.measured.size() == 5);  // 3 snapshots, 2 soups
  // Where every mean is worse the best snapshot stands alone.
  Answers alone = bowls({}, {0.1, 0.9, 0.0});
  CHECK(alone.run("greedy", 3) == std::vector<double>{0, 1, 0});
  // Where every mean is as good all come in.
  Answers flat;
  flat.score = [](auto) { return 0.5; };
  CHECK(flat.run("greedy", 4) == std::vector<double>(4, 0.25));
}

TEST_CASE("learned weights descend to the lowest loss, inside the simplex and on its border") {
  Options options;
  options.evaluations = 60;
  const std::vector<double> inside = {0.2, 0.5, 0.3};
  Answers answers = bowls(inside, {});
  const std::vector<double> found = answers.run("learned", 3, options);
  for (std::size_t k = 0; k < 3; ++k) CHECK(found[k] == doctest::Approx(inside[k]).epsilon(0.02));
  Answers border = bowls({0.0, 1.2, -0.2}, {});
  CHECK(border.run("learned", 3, options)[1] > 0.98);
  // Never worse than the mean that it begins with.
  Answers rough;
  rough.loss = [](std::span<const double> alpha) {
    return std::sin(40.0 * alpha[0]) + std::sin(23.0 * alpha[1]);
  };
  const double before = rough.loss(std::vector<double>(3, 1.0 / 3));
  CHECK(rough.loss(rough.run("learned", 3, options)) <= before);
}

TEST_CASE("the inner loop lowers what it is told to") {
  const std::vector<double> of_loss = {0.6, 0.4, 0.0}, of_score = {0.0, 0.3, 0.7};
  const auto run = [&](std::string_view rule, Objective objective, std::size_t& asked) {
    Answers answers = bowls(of_loss, of_score);
    Options options;
    options.objective = objective;
    auto alpha = answers.run(rule, 3, options);
    asked = answers.measured.size();
    for (const Measured& point : answers.measured) {
      const bool both = rule == "ehvi";
      CHECK(std::isfinite(point.loss) == (both || objective == Objective::training_loss));
      CHECK(std::isfinite(point.selection_score) ==
            (both || objective != Objective::training_loss));
    }
    return alpha;
  };
  std::size_t asked = 0;
  CHECK(squared_distance(run("bo", Objective::training_loss, asked), of_loss) < 1e-3);
  CHECK(asked > 5);
  CHECK(asked <= 30);
  CHECK(squared_distance(run("bo", Objective::selection_score, asked), of_score) < 1e-3);
  CHECK(squared_distance(run("bo", Objective::selection_loss, asked), of_score) < 1e-3);
  // Of the front of both, the mix with the best score: no worse than any start.
  const auto both = run("ehvi", Objective::training_loss, asked);
  CHECK(asked == 30);
  for (const auto& start : inner_starts(3, Precision::fp32)) {
    CHECK(squared_distance(both, of_score) <= squared_distance(start, of_score));
  }
}

TEST_CASE("a single snapshot needs one evaluation, and no finite value is an error") {
  Answers one = bowls({0.0}, {0.0});
  CHECK(one.run("bo", 1) == std::vector<double>{1.0});
  CHECK(one.measured.size() == 1);
  for (const char* rule : {"bo", "ehvi", "learned"}) {
    Answers none;
    none.loss = none.score = [](auto) { return std::nan(""); };
    CHECK_THROWS_WITH_AS(none.run(rule, 2), "no fusion of the snapshots has a finite value",
                         std::runtime_error);
  }
}

TEST_CASE("the inner loop starts from distinct points: vertices, uniform, means of the last") {
  for (int count = 1; count <= 8; ++count) {
    const auto starts = inner_starts(count, Precision::fp32);
    CHECK(std::set(starts.begin(), starts.end()).size() == starts.size());
    // Of 8: 8 vertices, the mean of all, of the last 2 and of the last 4.
    static constexpr std::size_t kSizes[] = {1, 3, 5, 6, 8, 9, 10, 11};
    CHECK(starts.size() == kSizes[count - 1]);
    CHECK(starts.front().back() == 1.0);
    for (const auto& start : starts)
      CHECK(std::accumulate(start.begin(), start.end(), 0.0) == doctest::Approx(1.0));
  }
}

TEST_CASE("in bf16 the starts also cut a segment, whose losses tell their noise") {
  for (int count = 1; count <= 8; ++count) {
    auto starts = inner_starts(count, Precision::bf16);
    const std::size_t smooth = inner_starts(count, Precision::fp32).size();
    CHECK(std::set(starts.begin(), starts.end()).size() == starts.size());
    CHECK(starts.size() == (count == 1 ? smooth : smooth + 4));
    // From the last snapshot to the mean, in equal steps.
    for (std::size_t i = smooth; i < starts.size(); ++i) {
      const double along = 0.2 * static_cast<double>(i - smooth + 1);
      CHECK(starts[i].front() == doctest::Approx(along / count));
      CHECK(starts[i].back() == doctest::Approx(1.0 - along + along / count));
    }
  }
}

TEST_CASE("a wiggle's variance is that of white noise, whatever parabola it lies on") {
  random::Stream stream(5);
  double sum = 0.0;
  constexpr int kTimes = 2000;
  for (int time = 0; time < kTimes; ++time) {
    std::vector<double> values;
    for (int i = 0; i < 6; ++i)
      values.push_back(1.0 + 3.0 * i - 0.7 * i * i + 0.1 * stream.normal());
    sum += wiggle_variance(values);
  }
  CHECK(sum / kTimes == doctest::Approx(0.01).epsilon(0.05));
  CHECK(std::isnan(wiggle_variance(std::vector<double>{1.0, 2.0, 4.0})));
  CHECK(std::isnan(wiggle_variance(std::vector<double>{1.0, 2.0, std::nan(""), 4.0, 5.0})));
}

TEST_CASE("the inner loop finds the lowest loss through a wiggle that it has measured") {
  const std::vector<double> target = {0.2, 0.5, 0.3};
  Answers answers;
  answers.loss = [&](std::span<const double> alpha) {
    const double rough = std::sin(5e5 * alpha[0]) + std::sin(7e5 * alpha[1]);
    return squared_distance(alpha, target) + 1e-3 * rough;
  };
  Options options;
  options.precision = Precision::bf16;
  CHECK(squared_distance(answers.run("bo", 3, options), target) < 5e-3);
}
