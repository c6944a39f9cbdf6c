#include "kernels/layer_norm.hpp"

#include <doctest/doctest.h>

#include <tuple>

#include "samples.hpp"

using namespace runner::kernels;
using samples::Doubles;
using samples::Floats;

namespace {

template <typename T>
struct Case {
  std::int64_t rows, width;
  std::vector<T> x = samples::normal<T>(size(), 1);
  Floats bias = samples::normal(columns(), 2);
  Floats residual = samples::normal(size(), 3);
  std::vector<T> dy_product = samples::normal<T>(size(), 6);
  Floats dy = samples::normal(size(), 7);
  Dropout dropout = {};
  samples::Norm norm = {.rows = rows, .width = width, .eps = 1e-5F};

  std::size_t size() const { return static_cast<std::size_t>(rows * width); }
  std::size_t columns() const { return static_cast<std::size_t>(width); }
  ResidualNorm<T> step() {
    return {.rows = rows,
            .width = width,
            .x = x.data(),
            .bias = bias.data(),
            .residual = residual.data(),
            .dropout = dropout,
            .norm = norm.view()};
  }
};

// x, bias, residual, gamma and beta.
template <typename T>
std::vector<Doubles> arguments(const Case<T>& c) {
  return {samples::doubles(c.x), samples::doubles(c.bias), samples::doubles(c.residual),
          samples::doubles(c.norm.gamma), samples::doubles(c.norm.beta)};
}

// LN(residual + dropout(x + bias)) in double precision, from the definition.
template <typename T>
Doubles reference(const Case<T>& c, const std::vector<Doubles>& values) {
  const auto& [x, bias, residual, gamma, beta] =
      std::tie(values[0], values[1], values[2], values[3], values[4]);
  Doubles y(c.size());
  for (std::int64_t r = 0; r < c.rows; ++r) {
    Doubles s(c.columns());
    double mean = 0.0, variance = 0.0;
    for (std::size_t i = 0; i < s.size(); ++i) {
      const std::size_t at = static_cast<std::size_t>(r * c.width) + i;
      const bool kept = keeps(c.dropout, 0, r, static_cast<std::int64_t>(i), c.width);
      s[i] = residual[at] + (kept ? samples::value(c.dropout.scale) : 0.0) * (x[at] + bias[i]);
      mean += s[i] / static_cast<double>(c.width);
    }
    for (const double v : s) variance += (v - mean) * (v - mean) / static_cast<double>(c.width);
    for (std::size_t i = 0; i < s.size(); ++i) {
      y[static_cast<std::size_t>(r * c.width) + i] =
          (s[i] - mean) / std::sqrt(variance + static_cast<double>(1e-5F)) * gamma[i] + beta[i];
    }
  }
  return y;
}

template <typename T>
struct Gradients {
  Floats dresidual, partials, sums;
  std::vector<T> dx;
};

template <typename T>
Gradients<T> backward(Case<T>& c, std::vector<std::int64_t> cuts) {
  const std::int64_t blocks = row_blocks(c.rows);
  Gradients<T> g{Floats(c.size()), Floats(static_cast<std::size_t>(blocks * 3 * c.width)),
                 Floats(static_cast<std::size_t>(3 * c.width)), std::vector<T>(c.size())};
  const ResidualNormGradient<T> gradient{.dy = c.dy.data(),
                                         .dy_product = c.dy_product.data(),
                                         .dresidual = g.dresidual.data(),
                                         .dx = g.dx.data(),
                                         .partials = g.partials.data()};
  cuts.push_back(blocks);
  std::int64_t begin = 0;
  for (const std::int64_t end : cuts) {
    residual_norm_backward(c.step(), gradient, begin, end);
    begin = end;
  }
  sum_partials(g.partials.data(), blocks, 3 * c.width, g.sums.data(), false, 0, 3 * c.width);
  return g;
}

}  // namespace

TEST_CASE_TEMPLATE("dropout, residual and LayerNorm match the definition", T, float, Bf16) {
  samples::on_every_target([] {
    for (const std::int64_t width : {1, 5, 16, 36, 128, 200}) {
      for (const double p : {0.0, 0.4}) {
        Case<T> c{.rows = 19, .width = width, .dropout = dropout(p, 77, 2)};
        residual_norm_forward(c.step(), 0, c.rows);
        const Doubles expected = reference(c, arguments(c));
        samples::check_close(c.norm.y, expected, 4e-6, 1e-6);
        samples::check_close(c.norm.y_bf16, expected, 4e-6, 0x1.01p-8);
      }
    }
  });
}

TEST_CASE("a row far from zero keeps its digits") {
  Case<float> c{.rows = 1, .width = 64};
  for (float& v : c.residual) v += 1000.0F;
  residual_norm_forward(c.step(), 0, 1);
  samples::check_close(c.norm.y, reference(c, arguments(c)), 3e-4);
}

TEST_CASE_TEMPLATE("the gradients of LayerNorm match central differences", T, float, Bf16) {
  samples::on_every_target([] {
    for (const std::int64_t width : {5, 20, 33}) {
      Case<T> c{.rows = 18, .width = width, .dropout = dropout(0.3, 78, 2)};
      residual_norm_forward(c.step(), 0, c.rows);
      const auto g = backward(c, {});
      const std::vector<Doubles> at = arguments(c);
      const auto gradient_of = [&](std::size_t argument) {
        return samples::loss_gradient([&](const auto& moved) { return reference(c, moved); }, at,
                                      argument, c.dy, c.dy_product);
      };
      samples::check_close(g.dx, gradient_of(0), 2e-5, samples::tolerance<T>(1e-5));
      samples::check_close(g.dresidual, gradient_of(2), 2e-5, 1e-5);
      const auto part = [&](std::int64_t i) {
        return Floats(g.sums.begin() + i * width, g.sums.begin() + (i + 1) * width);
      };
      samples::check_close(part(0), gradient_of(3), 5e-5, 1e-5);
      samples::check_close(part(1), gradient_of(4), 5e-5, 1e-5);
      samples::check_close(part(2), gradient_of(1), 5e-5, 1e-5);
    }
  });
}

TEST_CASE_TEMPLATE("no split of the rows changes a bit of LayerNorm", T, float, Bf16) {
  Case<T> whole{.rows = 100, .width = 72, .dropout = dropout(0.1, 79, 2)};
  Case<T> split = whole;
  residual_norm_forward(whole.step(), 0, 100);
  for (const auto& [begin, end] : {std::pair{50, 100}, {0, 1}, {1, 50}}) {
    residual_norm_forward(split.step(), begin, end);
  }
  CHECK(split.norm.y == whole.norm.y);
  CHECK(split.norm.y_bf16 == whole.norm.y_bf16);
  CHECK(split.norm.mean == whole.norm.mean);
  CHECK(split.norm.rstd == whole.norm.rstd);
  const auto a = backward(whole, {});
  const auto b = backward(split, {1, 4, 6});
  CHECK(a.dx == b.dx);
  CHECK(a.dresidual == b.dresidual);
  CHECK(a.sums == b.sums);
}

TEST_CASE("absent inputs count as zero, and the residual's gradient may replace dy") {
  Case<float> c{.rows = 20, .width = 24};
  ResidualNorm<float> bare = c.step();
  bare.bias = nullptr;
  bare.residual = nullptr;
  residual_norm_forward(bare, 0, c.rows);
  const Floats without = c.norm.y;
  c.bias.assign(c.bias.size(), 0.0F);
  c.residual.assign(c.residual.size(), 0.0F);
  residual_norm_forward(c.step(), 0, c.rows);
  CHECK(c.norm.y == without);

  c.dy_product.assign(c.dy_product.size(), 0.0F);
  const auto g = backward(c, {});
  Floats in_place = c.dy;
  residual_norm_backward(c.step(), {.dy = in_place.data(), .dresidual = in_place.data()}, 0,
                         row_blocks(c.rows));
  CHECK(in_place == g.dresidual);
  CHECK(g.dx == g.dresidual);
}

TEST_CASE_TEMPLATE("column sums over strided rows match plain sums and can accumulate", T, float,
                   Bf16) {
  samples::on_every_target([] {
    const std::int64_t rows = 45, width = 21, stride = 30;
    const auto x = samples::normal<T>(static_cast<std::size_t>(rows * stride), 9);
    Floats partials(static_cast<std::size_t>(row_blocks(rows) * width));
    column_sum_partials(x.data(), rows, width, stride, partials.data(), 2, 3);
    column_sum_partials(x.data(), rows, width, stride, partials.data(), 0, 2);
    Floats sums(static_cast<std::size_t>(width), 1.0F);
    sum_partials(partials.data(), row_blocks(rows), width, sums.data(), true, 0, 10);
    sum_partials(partials.data(), row_blocks(rows), width, sums.data(), true, 10, width);
    Doubles expected(static_cast<std::size_t>(width), 1.0);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < width; ++c) {
        expected[static_cast<std::size_t>(c)] +=
            samples::value(x[static_cast<std::size_t>(r * stride + c)]);
      }
    }
    samples::check_close(sums, expected, 1e-5);
  });
}
