#pragma once

#include <doctest/doctest.h>
#include <hwy/targets.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/cast.hpp"
#include "kernels/layer_norm.hpp"
#include "random/philox.hpp"

// What the kernels' tests share: random inputs, central differences, and a run on every target.
namespace samples {

using runner::kernels::Bf16;
using Floats = std::vector<float>;
using Doubles = std::vector<double>;

template <typename T>
T stored(double value) {
  if constexpr (std::is_same_v<T, Bf16>) {
    return runner::kernels::to_bf16(static_cast<float>(value));
  } else {
    return static_cast<float>(value);
  }
}
inline double value(float x) { return static_cast<double>(x); }
inline double value(Bf16 x) { return static_cast<double>(runner::kernels::to_float(x)); }

// Normal values times scale; a fixed function of the seed.
template <typename T = float>
std::vector<T> normal(std::size_t count, std::uint64_t seed, double scale = 1.0) {
  runner::random::Stream stream(seed);
  std::vector<T> values(count);
  for (T& v : values) v = stored<T>(scale * stream.normal());
  return values;
}

template <typename T>
Doubles doubles(const std::vector<T>& values) {
  Doubles result;
  for (const T v : values) result.push_back(value(v));
  return result;
}

// The gradient of a function of `at`, by central differences in double precision.
inline Doubles differences(const std::function<double(const Doubles&)>& f, Doubles at) {
  Doubles gradient(at.size());
  for (std::size_t i = 0; i < at.size(); ++i) {
    const double x = at[i];
    const double h = 1e-4 * std::max(1.0, std::abs(x));
    at[i] = x + h;
    const double above = f(at);
    at[i] = x - h;
    const double below = f(at);
    at[i] = x;
    gradient[i] = (above - below) / (2.0 * h);
  }
  return gradient;
}

// The gradient in one argument of the loss sum(y * (dy + dy_product)), where y = f(arguments).
template <typename T>
Doubles loss_gradient(const std::function<Doubles(const std::vector<Doubles>&)>& f,
                      const std::vector<Doubles>& arguments, std::size_t argument, const Floats& dy,
                      const std::vector<T>& dy_product) {
  return differences(
      [&](const Doubles& v) {
        std::vector<Doubles> moved = arguments;
        moved[argument] = v;
        const Doubles y = f(moved);
        double loss = 0.0;
        for (std::size_t i = 0; i < y.size(); ++i) {
          loss += y[i] * (value(dy[i]) + value(dy_product[i]));
        }
        return loss;
      },
      arguments[argument]);
}

// A layer norm at the end of a kernel: its parameters and room for its results.
struct Norm {
  std::int64_t rows, width;
  float eps;
  Floats gamma = normal(static_cast<std::size_t>(width), 21);
  Floats beta = normal(static_cast<std::size_t>(width), 22);
  Floats mean = Floats(static_cast<std::size_t>(rows));
  Floats rstd = mean;
  Floats y = Floats(static_cast<std::size_t>(rows * width));
  std::vector<Bf16> y_bf16 = std::vector<Bf16>(y.size());

  runner::kernels::LayerNorm view() {
    return {.gamma = gamma.data(),
            .beta = beta.data(),
            .eps = eps,
            .mean = mean.data(),
            .rstd = rstd.data(),
            .y = y.data(),
            .y_bf16 = y_bf16.data()};
  }
};

// Every |actual - expected| <= absolute + relative * |expected|.
template <typename T>
void check_close(const std::vector<T>& actual, const Doubles& expected, double absolute,
                 double relative = 0.0) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double allowed = absolute + relative * std::abs(expected[i]);
    if (!(std::abs(value(actual[i]) - expected[i]) <= allowed)) {
      CAPTURE(i);
      CHECK(value(actual[i]) == doctest::Approx(expected[i]));
      FAIL_CHECK("off by ", value(actual[i]) - expected[i], ", allowed ", allowed);
      return;
    }
  }
}

template <typename T>
double tolerance(double fp32) {
  return std::is_same_v<T, Bf16> ? 0x1.0p-8 : fp32;
}

// The kernels' targets that this machine runs, best first.
inline std::vector<std::int64_t> targets() {
#if defined(__x86_64__)
  std::vector<std::int64_t> result;
  for (const std::int64_t target :
       {std::int64_t{HWY_AVX3}, std::int64_t{HWY_AVX2}, std::int64_t{HWY_SSE4}}) {
    if ((hwy::SupportedTargets() & target) != 0) result.push_back(target);
  }
  return result;
#else
  return {HWY_NEON};
#endif
}

// Runs body on each target in turn.
inline void on_every_target(const std::function<void()>& body) {
  for (const std::int64_t target : targets()) {
    const std::string name = hwy::TargetName(target);
    CAPTURE(name);
    hwy::SetSupportedTargetsForTest(target);
    body();
    hwy::SetSupportedTargetsForTest(0);
  }
}

}  // namespace samples
