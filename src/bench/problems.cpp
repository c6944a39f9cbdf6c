#include "bench/problems.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numbers>
#include <string>

namespace runner::bench {
namespace {

using std::numbers::pi;

double square(double x) { return x * x; }

double branin(std::span<const double> x) {
  const double b = 5.1 / (4.0 * pi * pi), c = 5.0 / pi, t = 1.0 / (8.0 * pi);
  return square(x[1] - b * x[0] * x[0] + c * x[0] - 6.0) + 10.0 * (1.0 - t) * std::cos(x[0]) + 10.0;
}

double hartmann6(std::span<const double> x) {
  constexpr std::array<double, 4> weight = {1.0, 1.2, 3.0, 3.2};
  constexpr double scale[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                  {0.05, 10, 17, 0.1, 8, 14},
                                  {3, 3.5, 1.7, 10, 17, 8},
                                  {17, 8, 0.05, 10, 0.1, 14}};
  constexpr double centre[4][6] = {{1312, 1696, 5569, 124, 8283, 5886},
                                   {2329, 4135, 8307, 3736, 1004, 9991},
                                   {2348, 1451, 3522, 2883, 3047, 6650},
                                   {4047, 8828, 8732, 5743, 1091, 381}};
  double value = 0.0;
  for (std::size_t i = 0; i < 4; ++i) {
    double exponent = 0.0;
    for (std::size_t j = 0; j < 6; ++j)
      exponent += scale[i][j] * square(x[j] - 1e-4 * centre[i][j]);
    value -= weight[i] * std::exp(-exponent);
  }
  return value;
}

double ackley(std::span<const double> x) {
  const auto d = static_cast<double>(x.size());
  double squares = 0.0, cosines = 0.0;
  for (const double v : x) {
    squares += v * v;
    cosines += std::cos(2.0 * pi * v);
  }
  return 20.0 + std::numbers::e - 20.0 * std::exp(-0.2 * std::sqrt(squares / d)) -
         std::exp(cosines / d);
}

double rosenbrock(std::span<const double> x) {
  double value = 0.0;
  for (std::size_t i = 0; i + 1 < x.size(); ++i) {
    value += 100.0 * square(x[i + 1] - x[i] * x[i]) + square(1.0 - x[i]);
  }
  return value;
}

double levy(std::span<const double> x) {
  const auto w = [&](std::size_t i) { return 1.0 + (x[i] - 1.0) / 4.0; };
  const std::size_t last = x.size() - 1;
  double value = square(std::sin(pi * w(0)));
  for (std::size_t i = 0; i < last; ++i) {
    value += square(w(i) - 1.0) * (1.0 + 10.0 * square(std::sin(pi * w(i) + 1.0)));
  }
  return value + square(w(last) - 1.0) * (1.0 + square(std::sin(2.0 * pi * w(last))));
}

// Bowls on the simplex: 10 sum_k a_k (w_k - centre_k)^2, with the optimum inside, at a vertex (the
// centre lies outside), and on a face (slopes push the last three weights to 0).
constexpr std::array<double, 6> kCurvature = {1.0, 2.0, 4.0, 8.0, 4.0, 2.0};

double bowl(std::span<const double> w, const std::array<double, 6>& centre) {
  double value = 0.0;
  for (std::size_t k = 0; k < 6; ++k) value += 10.0 * kCurvature[k] * square(w[k] - centre[k]);
  return value;
}

double simplex_interior(std::span<const double> w) {
  return bowl(w, {0.30, 0.22, 0.18, 0.14, 0.10, 0.06});
}

double simplex_vertex(std::span<const double> w) {
  return bowl(w, {1.2, -0.05, -0.05, -0.05, -0.05, -0.05});
}

double simplex_face(std::span<const double> w) {
  return bowl(w, {0.45, 0.35, 0.20, 0.0, 0.0, 0.0}) + 3.0 * w[3] + 2.0 * w[4] + 1.0 * w[5];
}

constexpr double kVertexMinimum = 0.4 + 10.0 * 0.0025 * (2.0 + 4.0 + 8.0 + 4.0 + 2.0);

constexpr std::array<Problem, 8> kProblems = {{
    {"branin", "Branin (1972)", bo::Type::real, 2, 0, 15, 0.39788735772973816, 30, branin},
    {"hartmann6", "Hartmann (1973)", bo::Type::real, 6, 0, 1, -3.3223680114155147, 60, hartmann6},
    {"ackley5", "Ackley (1987)", bo::Type::real, 5, -5, 10, 0.0, 60, ackley},
    {"rosenbrock4", "Rosenbrock (1960)", bo::Type::real, 4, -5, 10, 0.0, 60, rosenbrock},
    {"levy4", "Levy, Montalvo (1985)", bo::Type::real, 4, -10, 10, 0.0, 60, levy},
    {"simplex6-interior", "optimum inside", bo::Type::simplex, 6, 0, 1, 0.0, 60, simplex_interior},
    {"simplex6-vertex", "optimum at a vertex", bo::Type::simplex, 6, 0, 1, kVertexMinimum, 60,
     simplex_vertex},
    {"simplex6-face", "optimum on a face", bo::Type::simplex, 6, 0, 1, 0.0, 60, simplex_face},
}};

}  // namespace

std::span<const Problem> problems() { return kProblems; }

bo::Space Problem::space() const {
  bo::Space space;
  if (type == bo::Type::simplex) {
    bo::Variable& w = space.variables.emplace_back();
    w.name = std::string(1, 'w');
    w.type = type;
    w.size = size;
    return space;
  }
  for (int i = 0; i < size; ++i) {
    bo::Variable& x = space.variables.emplace_back();
    x.name = fmt::format("x{}", i + 1);
    x.low = low;
    x.high = high;
  }
  if (function == branin) {
    space.variables[0].low = -5.0;
    space.variables[0].high = 10.0;
  }
  return space;
}

bo::Point Problem::from_unit(std::span<const double> u) const {
  bo::Point x(u.begin(), u.end());
  if (type == bo::Type::simplex) {
    double sum = 0.0;
    for (const double v : x) sum += v;
    for (double& v : x) v = sum > 0.0 ? v / sum : 1.0 / static_cast<double>(size);
    return x;
  }
  const bo::Space box = space();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bo::Variable& v = box.variables[i];
    x[i] = v.low + x[i] * (v.high - v.low);
  }
  return x;
}

}  // namespace runner::bench
