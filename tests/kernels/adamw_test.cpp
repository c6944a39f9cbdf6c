#include "kernels/adamw.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <numeric>

#include "samples.hpp"

using namespace runner::kernels;
using samples::Doubles;
using samples::Floats;

namespace {

struct State {
  Floats w, m, v;
  bool operator==(const State&) const = default;
};

State start(std::size_t count) { return {samples::normal(count, 1), Floats(count), Floats(count)}; }

}  // namespace

// Golden values of torch.optim.AdamW (2.13.0, float64): lr 0.1, betas (0.8, 0.95), eps 1e-6,
// weight_decay 0.05, gradients 0.5 w_t + (0.3, -0.2, 0) before each of three steps from
// w = (1, -2, 0.5).
TEST_CASE("three steps produce PyTorch's values") {
  samples::on_every_target([] {
    Floats w = {1.0F, -2.0F, 0.5F}, m(3), v(3);
    for (std::int64_t t = 1; t <= 3; ++t) {
      const Floats g = {0.5F * w[0] + 0.3F, 0.5F * w[1] - 0.2F, 0.5F * w[2]};
      adamw(adamw_step(0.1, 0.8, 0.95, 1e-6, 0.05, t), 1.0F, g.data(), w.data(), m.data(), v.data(),
            nullptr, 0, 3);
    }
    samples::check_close(w, {0.6878749393746021, -1.6724937293658309, 0.20062689166008074}, 3e-7);
  });
}

TEST_CASE_TEMPLATE("a step follows the formula, scales the gradient and leaves a bf16 copy", T,
                   float, Bf16) {
  samples::on_every_target([] {
    for (const std::int64_t count : {1, 16, 37}) {
      const auto n = static_cast<std::size_t>(count);
      const auto g = samples::normal<T>(n, 2);
      State s{samples::normal(n, 1), samples::normal(n, 3), samples::normal(n, 4)};
      for (float& v : s.v) v = v * v;
      Doubles w = samples::doubles(s.w), m = samples::doubles(s.m), v = samples::doubles(s.v);
      for (std::size_t i = 0; i < n; ++i) {
        const double gradient = 0.25 * samples::value(g[i]);
        m[i] = 0.9 * m[i] + 0.1 * gradient;
        v[i] = 0.99 * v[i] + 0.01 * gradient * gradient;
        w[i] -= 0.01 * 0.1 * w[i];
        w[i] -= 0.01 * (m[i] / (1.0 - std::pow(0.9, 5))) /
                (std::sqrt(v[i] / (1.0 - std::pow(0.99, 5))) + 1e-8);
      }
      std::vector<Bf16> copy(n);
      adamw(adamw_step(0.01, 0.9, 0.99, 1e-8, 0.1, 5), 0.25F, g.data(), s.w.data(), s.m.data(),
            s.v.data(), copy.data(), 0, count);
      samples::check_close(s.w, w, 2e-7, 3e-7);
      samples::check_close(s.m, m, 2e-7, 3e-7);
      samples::check_close(s.v, v, 0.0, 1e-6);
      for (std::size_t i = 0; i < n; ++i) CHECK(copy[i] == to_bf16(s.w[i]));
    }
  });
}

TEST_CASE("replayed steps are the steps with zero gradients, bit for bit, subnormals included") {
  samples::on_every_target([] {
    const std::size_t count = 45;
    State sequential = start(count);
    const auto g = samples::normal(count, 2);
    const Floats zeros(count);
    std::vector<AdamWStep> missed;
    adamw(adamw_step(1e-3, 0.9, 0.999, 1e-8, 0.01, 1), 1.0F, g.data(), sequential.w.data(),
          sequential.m.data(), sequential.v.data(), nullptr, 0, 45);
    State replayed = sequential;
    for (std::int64_t t = 2; t <= 1100; ++t) {
      missed.push_back(adamw_step(1e-3 / static_cast<double>(t), 0.9, 0.999, 1e-8, 0.01, t));
      adamw(missed.back(), 0.5F, zeros.data(), sequential.w.data(), sequential.m.data(),
            sequential.v.data(), nullptr, 0, 45);
    }
    std::vector<Bf16> copy(count);
    adamw_replay(missed, replayed.w.data(), replayed.m.data(), replayed.v.data(), copy.data(), 0,
                 20);
    adamw_replay(missed, replayed.w.data(), replayed.m.data(), replayed.v.data(), copy.data(), 20,
                 45);
    CHECK(replayed == sequential);
    for (std::size_t i = 0; i < count; ++i) CHECK(copy[i] == to_bf16(replayed.w[i]));
  });
}

TEST_CASE("no split of the elements changes a bit of a step") {
  samples::on_every_target([] {
    const std::int64_t count = 203;
    State whole = start(203), split = whole;
    const auto g = samples::normal(203, 2);
    const AdamWStep step = adamw_step(1e-2, 0.9, 0.999, 1e-8, 0.01, 3);
    adamw(step, 0.7F, g.data(), whole.w.data(), whole.m.data(), whole.v.data(), nullptr, 0, count);
    for (std::int64_t begin = 0; begin < count; begin += 29) {
      adamw(step, 0.7F, g.data(), split.w.data(), split.m.data(), split.v.data(), nullptr, begin,
            std::min(count, begin + 29));
    }
    CHECK(split == whole);
  });
}

TEST_CASE_TEMPLATE("sums of squares are exact to double rounding and reveal what is not finite", T,
                   float, Bf16) {
  samples::on_every_target([] {
    const std::int64_t count = 2 * kSumBlock + 77;
    auto values = samples::normal<T>(static_cast<std::size_t>(count), 5, 1e15);
    const auto norm = [&] {
      Doubles sums(static_cast<std::size_t>(sum_blocks(count)));
      sum_squares(values.data(), count, sums.data(), 1, 3);
      sum_squares(values.data(), count, sums.data(), 0, 1);
      return std::accumulate(sums.begin(), sums.end(), 0.0);
    };
    double expected = 0.0;
    for (const T v : values) expected += samples::value(v) * samples::value(v);
    CHECK(norm() == doctest::Approx(expected).epsilon(1e-12));
    values.back() = samples::stored<T>(std::numeric_limits<double>::infinity());
    CHECK(std::isinf(norm()));
    values[5] = samples::stored<T>(std::numeric_limits<double>::quiet_NaN());
    CHECK(std::isnan(norm()));
  });
}
