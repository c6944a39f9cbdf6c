#include "kernels/gelu.hpp"

#include <doctest/doctest.h>

#include <numbers>

#include "samples.hpp"

using namespace runner::kernels;
using samples::Doubles;
using samples::Floats;

namespace {

double gelu(double z) { return 0.5 * z * std::erfc(-z / std::numbers::sqrt2); }
double slope(double z) {
  return 0.5 * std::erfc(-z / std::numbers::sqrt2) +
         z * std::exp(-0.5 * z * z) / std::sqrt(2.0 * std::numbers::pi);
}

}  // namespace

// The rounding of y alone is 0.6e-7 |z|; libm's erf, correct to one unit, gives 1.06e-7 |z|.
TEST_CASE("gelu is as exact in fp32 as with a correctly rounded erf, its slope nearly") {
  samples::on_every_target([] {
    Floats x;
    for (double z = -40.0; z <= 40.0; z += 0.00137) x.push_back(static_cast<float>(z));
    x.push_back(0.0F);
    x.push_back(-0.0F);
    x.push_back(1e30F);
    x.push_back(-1e30F);
    const auto count = static_cast<std::int64_t>(x.size());
    const BiasGelu<float> all{.rows = count, .width = 1, .x = x.data()};
    const BiasGelu<float> wide{.rows = 1, .width = count, .x = x.data()};
    Floats y(x.size()), dx(x.size()), again(x.size());
    const Floats ones(x.size(), 1.0F);
    bias_gelu_forward(wide, y.data(), 0, 1);
    bias_gelu_forward(all, again.data(), 0, count);
    CHECK(again == y);
    bias_gelu_backward(wide, ones.data(), dx.data(), again.data(), nullptr, 0, 1);
    CHECK(again == y);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double z = samples::value(x[i]);
      REQUIRE(std::abs(samples::value(y[i]) - gelu(z)) <= 1.15e-7 * std::abs(z));
      REQUIRE(std::abs(samples::value(dx[i]) - slope(z)) <= 1.5e-7);
    }
  });
}

TEST_CASE("gelu passes NaN on") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  float y = 0.0F;
  bias_gelu_forward(BiasGelu<float>{.rows = 1, .width = 1, .x = &nan}, &y, 0, 1);
  CHECK(std::isnan(y));
}

TEST_CASE_TEMPLATE("bias and gelu match the definition, backward central differences", T, float,
                   Bf16) {
  samples::on_every_target([] {
    for (const std::int64_t width : {1, 12, 16, 50}) {
      const std::int64_t rows = 18;
      const auto size = static_cast<std::size_t>(rows * width);
      const auto x = samples::normal<T>(size, 1, 2.0);
      const auto dy = samples::normal<T>(size, 2);
      const auto bias = samples::normal(static_cast<std::size_t>(width), 3);
      const BiasGelu<T> g{.rows = rows, .width = width, .x = x.data(), .bias = bias.data()};
      const auto forward = [&](const Doubles& in, const Doubles& b) {
        Doubles y(size);
        for (std::size_t i = 0; i < size; ++i) y[i] = gelu(in[i] + b[i % b.size()]);
        return y;
      };
      const auto loss = [&](const Doubles& in, const Doubles& b) {
        const Doubles y = forward(in, b);
        double total = 0.0;
        for (std::size_t i = 0; i < size; ++i) total += y[i] * samples::value(dy[i]);
        return total;
      };
      const Doubles x0 = samples::doubles(x), b0 = samples::doubles(bias);
      std::vector<T> y(size), dx(size);
      Floats partials(static_cast<std::size_t>(row_blocks(rows) * width));
      Floats dbias(static_cast<std::size_t>(width));
      bias_gelu_forward(g, y.data(), 0, rows);
      bias_gelu_backward(g, dy.data(), dx.data(), nullptr, partials.data(), 0, row_blocks(rows));
      sum_partials(partials.data(), row_blocks(rows), width, dbias.data(), false, 0, width);
      samples::check_close(y, forward(x0, b0), 1e-6, samples::tolerance<T>(1e-6));
      samples::check_close(dx,
                           samples::differences([&](const Doubles& v) { return loss(v, b0); }, x0),
                           1e-6, samples::tolerance<T>(1e-6));
      samples::check_close(dbias,
                           samples::differences([&](const Doubles& v) { return loss(x0, v); }, b0),
                           1e-5, 1e-6);
    }
  });
}

TEST_CASE_TEMPLATE("no split changes a bit of gelu, and it may work in place", T, float, Bf16) {
  const std::int64_t rows = 70, width = 44;
  const auto size = static_cast<std::size_t>(rows * width);
  const auto x = samples::normal<T>(size, 1, 2.0);
  const auto dy = samples::normal<T>(size, 2);
  const BiasGelu<T> g{.rows = rows, .width = width, .x = x.data()};
  std::vector<T> y(size), dx(size), in_place = x, gradient = dy;
  Floats whole(static_cast<std::size_t>(row_blocks(rows) * width)), split = whole;
  bias_gelu_forward(g, y.data(), 0, rows);
  const BiasGelu<T> own{.rows = rows, .width = width, .x = in_place.data()};
  bias_gelu_forward(own, in_place.data(), 0, 33);
  bias_gelu_forward(own, in_place.data(), 33, rows);
  CHECK(in_place == y);
  bias_gelu_backward(g, dy.data(), dx.data(), nullptr, whole.data(), 0, row_blocks(rows));
  in_place = x;
  for (std::int64_t block = row_blocks(rows); block-- > 0;) {
    bias_gelu_backward(own, gradient.data(), gradient.data(), in_place.data(), split.data(), block,
                       block + 1);
  }
  CHECK(gradient == dx);
  CHECK(in_place == y);
  CHECK(split == whole);
}
