#include "experiment/record.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <limits>

#include "io/json.hpp"

using namespace runner::experiment;
using json = runner::io::Json;

namespace {

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace

TEST_CASE("records read back with every double's bits") {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double value :
       {0.1, 1.0 / 3.0, -0.0, 5e-324, 1.7976931348623157e308, 3.0, kInfinity, -kInfinity}) {
    TrialRecord trial;
    trial.objective = value;
    trial.lambda = {{"lr", value}};
    trial.alpha = {value, 0.5};
    trial.evaluation.report.values = {{"f1", value}, {"accuracy", 0.25}};
    trial.evaluation.report.degenerate = true;
    trial.budget.flops = value;
    trial.proposal.fit.loo_z = {value};
    trial.curve = {{std::int64_t{1} << 40, value, 1e-5, 2.0}};
    const auto back = json::parse(json(trial).dump()).get<TrialRecord>();
    CHECK(same_bits(back.objective, value));
    CHECK(same_bits(back.lambda.at(0).second, value));
    CHECK(same_bits(back.alpha.at(0), value));
    CHECK(same_bits(back.evaluation.report.values.at(0).second, value));
    CHECK(same_bits(back.budget.flops, value));
    CHECK(same_bits(back.proposal.fit.loo_z.at(0), value));
    CHECK(same_bits(back.curve.at(0).loss, value));
    CHECK(json(back).dump() == json(trial).dump());

    InnerRecord inner;
    inner.loss = value;
    inner.proposal.warm_start = {value};
    const auto inner_back = json::parse(json(inner).dump()).get<InnerRecord>();
    CHECK(same_bits(inner_back.loss, value));
    CHECK(json(inner_back).dump() == json(inner).dump());
  }
}

TEST_CASE("what is not known stays unknown and 64-bit seeds stay whole") {
  TrialRecord trial;
  trial.run_seed = ~std::uint64_t{0};
  trial.run = "0123abcd";
  const auto back = json::parse(json(trial).dump()).get<TrialRecord>();
  CHECK(back.objective != back.objective);
  CHECK(back.run_seed == ~std::uint64_t{0});
  CHECK(back.run == "0123abcd");
}

TEST_CASE("predictions read back to the bit, part by part") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  TrialRecord trial;
  trial.evaluation.predictions = {
      {{0.0f, 1.0f, 12.0f}, {1.0f, 1.0f, 7.0f}},
      {{0.1f, 5.0f}, {3.14159274f, -1e-38f}},
      {{1.0f, 2.0f}, {kInfinity, std::numeric_limits<float>::quiet_NaN()}},
      {},
  };
  const auto text = json(trial).dump();
  const auto back = json::parse(text).get<TrialRecord>();
  REQUIRE(back.evaluation.predictions.size() == 4);
  for (std::size_t part = 0; part < 2; ++part) {
    CHECK(back.evaluation.predictions[part].labels == trial.evaluation.predictions[part].labels);
    CHECK(back.evaluation.predictions[part].predicted ==
          trial.evaluation.predictions[part].predicted);
  }
  CHECK(back.evaluation.predictions[2].predicted[0] == kInfinity);
  CHECK(json(back).dump() == text);

  json damaged = trial;
  damaged["predictions"][0]["labels"] = "0 1x";
  CHECK_THROWS_AS(damaged.get<TrialRecord>(), json::exception);
}

TEST_CASE("an incumbent beats all before it, and what has no result never is one") {
  std::vector<TrialRecord> trials(3);
  trials[0].status = runner::train::Status::diverged;
  trials[1].objective = -0.5;
  trials[2].objective = -0.5;
  const std::span<const TrialRecord> all(trials);
  CHECK_FALSE(is_incumbent(trials[0], {}));
  CHECK(is_incumbent(trials[1], all.first(1)));
  CHECK_FALSE(is_incumbent(trials[2], all.first(2)));
}

TEST_CASE("a thinned curve keeps short curves, the last step and the mean of the rest") {
  std::vector<StepRecord> curve;
  for (int step = 1; step <= 7; ++step) curve.push_back({step, 1.0 * step, 0.1 * step, 2.0 * step});
  CHECK(thin(curve, 7).size() == 7);
  const auto thinned = thin(curve, 3);  // steps 1-2, 3-4, 5-7
  REQUIRE(thinned.size() == 3);
  CHECK(thinned[0].step == 2);
  CHECK(thinned[1].step == 4);
  CHECK(thinned[2].step == 7);
  CHECK(thinned[0].loss == doctest::Approx(1.5));
  CHECK(thinned[2].loss == doctest::Approx(6.0));
  CHECK(thinned[2].grad_norm == doctest::Approx(12.0));
  CHECK(thinned[2].learning_rate == doctest::Approx(0.7));
}

TEST_CASE("the best trial is the first of the lowest objectives among those with a result") {
  std::vector<TrialRecord> trials(4);
  CHECK(best_trial({}) == -1);
  trials[0].status = runner::train::Status::diverged;
  trials[1].objective = -0.5;
  trials[2].objective = -0.7;
  trials[2].status = runner::train::Status::collapsed;
  trials[3].objective = -0.7;
  CHECK(best_trial(trials) == 2);
}
