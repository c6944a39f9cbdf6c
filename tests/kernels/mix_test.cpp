#include "kernels/mix.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "samples.hpp"

using namespace runner::kernels;
using samples::Doubles;
using samples::Floats;

namespace {

template <typename T>
struct Streams {
  std::vector<std::vector<T>> deltas;
  std::vector<const T*> pointers;
  Streams(std::size_t count, std::size_t length) {
    for (std::size_t k = 0; k < count; ++k) {
      deltas.push_back(samples::normal<T>(length, 10 + k, 0.01));
    }
    for (const auto& d : deltas) pointers.push_back(d.data());
  }
};

}  // namespace

TEST_CASE_TEMPLATE("mixtures are the mean plus the weighted differences, for all outputs at once",
                   T, float, Bf16) {
  samples::on_every_target([] {
    for (const std::int64_t length : {1, 16, 1000, 1024, 2500}) {
      for (const std::size_t count : {std::size_t{0}, std::size_t{1}, std::size_t{7}}) {
        const auto n = static_cast<std::size_t>(length);
        const Streams<T> s(count, n);
        const auto mean = samples::normal(n, 1);
        const auto coefficients = samples::normal(3 * count, 2);
        std::vector<Floats> outputs(3, Floats(n));
        std::vector<float*> pointers;
        for (auto& o : outputs) pointers.push_back(o.data());
        mix(mean.data(), s.pointers, coefficients, pointers, 0, length);
        for (std::size_t q = 0; q < 3; ++q) {
          Doubles expected = samples::doubles(mean);
          for (std::size_t k = 0; k < count; ++k) {
            for (std::size_t i = 0; i < n; ++i) {
              expected[i] +=
                  samples::value(coefficients[q * count + k]) * samples::value(s.deltas[k][i]);
            }
          }
          samples::check_close(outputs[q], expected, 1e-7, 1e-7);
        }
        // One output alone, in pieces, in place of the mean: the same bits.
        Floats alone = mean;
        std::vector<float*> self = {alone.data()};
        const std::span<const float> first = std::span(coefficients).first(count);
        mix(alone.data(), s.pointers, first, self, length / 3, length);
        mix(alone.data(), s.pointers, first, self, 0, length / 3);
        CHECK(alone == outputs[0]);
      }
    }
  });
}

TEST_CASE_TEMPLATE("a mixture too large for the caches has the bits of its parts", T, float, Bf16) {
  const std::size_t n = (std::size_t{1} << 20) + 77;
  const Streams<T> s(2, n);
  const auto mean = samples::normal(n, 1);
  const Floats coefficients = {0.25F, -1.5F};
  const auto length = static_cast<std::int64_t>(n);
  for (const std::int64_t begin : {0, 3}) {
    Floats whole(n), parts(n);
    std::vector<float*> out = {whole.data()}, part = {parts.data()};
    mix(mean.data(), s.pointers, coefficients, out, begin, length);
    for (std::int64_t at = begin; at < length; at += 5000)
      mix(mean.data(), s.pointers, coefficients, part, at, std::min(length, at + 5000));
    CHECK(whole == parts);
  }
}

TEST_CASE("without a mean the sum starts from zero") {
  const Streams<float> s(2, 40);
  const Floats halves = {0.5F, 0.5F};
  Floats y(40);
  std::vector<float*> out = {y.data()};
  mix(nullptr, s.pointers, halves, out, 0, 40);
  for (std::size_t i = 0; i < y.size(); ++i) {
    CHECK(y[i] == doctest::Approx(0.5 * (s.deltas[0][i] + s.deltas[1][i])));
  }
}

TEST_CASE_TEMPLATE("differences are rounded once", T, float, Bf16) {
  samples::on_every_target([] {
    const auto theta = samples::normal(53, 1), mean = samples::normal(53, 2);
    std::vector<T> delta(53);
    difference(theta.data(), mean.data(), delta.data(), 0, 20);
    difference(theta.data(), mean.data(), delta.data(), 20, 53);
    for (std::size_t i = 0; i < 53; ++i) {
      CHECK(delta[i] == samples::stored<T>(samples::value(theta[i] - mean[i])));
    }
  });
}

TEST_CASE_TEMPLATE("dot products are exact to double rounding, whatever the split", T, float,
                   Bf16) {
  samples::on_every_target([] {
    const std::int64_t length = kDotBlock + 100;
    const Streams<T> s(3, static_cast<std::size_t>(length));
    const auto gradient = samples::normal(static_cast<std::size_t>(length), 1);
    Doubles sums(6), pieces(6);
    dots(gradient.data(), s.pointers, length, sums.data(), 0, 2);
    dots(gradient.data(), s.pointers, length, pieces.data(), 1, 2);
    dots(gradient.data(), s.pointers, length, pieces.data(), 0, 1);
    CHECK(pieces == sums);
    for (std::size_t k = 0; k < 3; ++k) {
      double expected = 0.0;
      for (std::size_t i = 0; i < gradient.size(); ++i) {
        expected += samples::value(gradient[i]) * samples::value(s.deltas[k][i]);
      }
      CHECK(sums[k] + sums[3 + k] == doctest::Approx(expected).epsilon(1e-11));
    }
  });
}
