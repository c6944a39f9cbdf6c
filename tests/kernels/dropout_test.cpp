#include "kernels/dropout.hpp"

#include <doctest/doctest.h>

#include <set>

#include "samples.hpp"

using namespace runner::kernels;

TEST_CASE("the vectorised factors are those of the scalar definition, bit for bit") {
  samples::on_every_target([] {
    // Keys with high bits and rows far down exercise all words of key and counter.
    for (const std::uint64_t key :
         {std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{0x299f31d0a4093822}}) {
      for (const std::int64_t width : {1, 12, 16, 17, 64, 128, 200, 768}) {
        const Dropout d = dropout(0.3, key, 0xdeadbeef);
        for (const std::int64_t first : {std::int64_t{0}, std::int64_t{7}, std::int64_t{1} << 38}) {
          samples::Floats factors(static_cast<std::size_t>(3 * width));
          dropout_factors(d, width, factors.data(), first, first + 3);
          for (std::int64_t r = 0; r < 3; ++r) {
            for (std::int64_t c = 0; c < width; ++c) {
              const float expected = keeps(d, 0, first + r, c, width) ? d.scale : 0.0F;
              REQUIRE(factors[static_cast<std::size_t>(r * width + c)] == expected);
            }
          }
        }
      }
    }
  });
}

TEST_CASE("dropout drops the quantised share and keeps the expectation") {
  for (const double p : {0.1, 0.25, 0.5, 0.9}) {
    const Dropout d = dropout(p, 11, 3);
    CHECK(std::abs(d.threshold / 65536.0 - p) <= 0.5 / 65536.0);
    CHECK(samples::value(d.scale) == doctest::Approx(1.0 / (1.0 - d.threshold / 65536.0)));
    const std::int64_t rows = 400, width = 768;
    samples::Floats factors(static_cast<std::size_t>(rows * width));
    dropout_factors(d, width, factors.data(), 0, rows);
    double kept = 0.0;
    for (const float f : factors) kept += f > 0.0F ? 1.0 : 0.0;
    const double n = static_cast<double>(rows * width);
    // Five standard deviations of a binomial share.
    CHECK(std::abs(kept / n - (1.0 - p)) < 5.0 * std::sqrt(p * (1.0 - p) / n) + 1e-5);
  }
}

TEST_CASE("masks of keys, sites and planes are independent, and neighbours uncorrelated") {
  const auto agreement = [](const Dropout& a, std::uint32_t plane_a, const Dropout& b,
                            std::uint32_t plane_b, std::int64_t shift) {
    int equal = 0;
    for (std::int64_t r = 0; r < 100; ++r) {
      for (std::int64_t c = 0; c < 100; ++c) {
        equal += keeps(a, plane_a, r, c, 128) == keeps(b, plane_b, r, c + shift, 128) ? 1 : 0;
      }
    }
    return equal / 10000.0;
  };
  const Dropout base = dropout(0.5, 1, 1);
  const double sd5 = 5.0 * 0.5 / 100.0;
  CHECK(std::abs(agreement(base, 0, dropout(0.5, 2, 1), 0, 0) - 0.5) < sd5);
  CHECK(std::abs(agreement(base, 0, dropout(0.5, 1, 2), 0, 0) - 0.5) < sd5);
  CHECK(std::abs(agreement(base, 0, base, 1, 0) - 0.5) < sd5);
  CHECK(std::abs(agreement(base, 0, base, 0, 1) - 0.5) < sd5);
  CHECK(std::abs(agreement(base, 0, base, 0, 16) - 0.5) < sd5);
}

TEST_CASE_TEMPLATE("applying dropout multiplies by the factors, in place too", T, float, Bf16) {
  samples::on_every_target([] {
    for (const double p : {0.0, 0.2}) {
      const std::int64_t rows = 9, width = 37;
      const Dropout d = dropout(p, 5, 6);
      const auto x = samples::normal<T>(static_cast<std::size_t>(rows * width), 8);
      samples::Floats factors(x.size());
      dropout_factors(d, width, factors.data(), 0, rows);
      std::vector<T> y = x;
      apply_dropout(d, y.data(), y.data(), width, 0, 4);
      apply_dropout(d, y.data(), y.data(), width, 4, rows);
      for (std::size_t i = 0; i < x.size(); ++i) {
        const float expected = static_cast<float>(samples::value(x[i])) * factors[i];
        REQUIRE(y[i] == samples::stored<T>(samples::value(expected)));
      }
    }
  });
}
