#include "kernels/cast.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "samples.hpp"

using namespace runner::kernels;

TEST_CASE("bf16 rounds to nearest even, keeps infinities and makes every NaN quiet") {
  const float infinity = std::numeric_limits<float>::infinity();
  samples::on_every_target([&] {
    const samples::Floats values = {0.0F,
                                    -0.0F,
                                    1.0F,
                                    -2.5F,
                                    std::bit_cast<float>(0x3f808000U),  // half way, even below
                                    std::bit_cast<float>(0x3f818000U),  // half way, even above
                                    std::bit_cast<float>(0x3f808001U),  // just above half way
                                    std::bit_cast<float>(0x3f807fffU),  // just below half way
                                    std::numeric_limits<float>::max(),  // rounds to infinity
                                    std::numeric_limits<float>::denorm_min(),
                                    infinity,
                                    -infinity,
                                    std::numeric_limits<float>::quiet_NaN(),
                                    -std::numeric_limits<float>::quiet_NaN(),
                                    std::bit_cast<float>(0x7f800001U),  // signalling NaN
                                    std::bit_cast<float>(0x7fffffffU),
                                    std::bit_cast<float>(0xffffffffU)};
    const std::vector<Bf16> expected = {0x0000, 0x8000, 0x3f80, 0xc020, 0x3f80, 0x3f82,
                                        0x3f81, 0x3f80, 0x7f80, 0x0000, 0x7f80, 0xff80,
                                        0x7fc0, 0x7fc0, 0x7fc0, 0x7fc0, 0x7fc0};
    std::vector<Bf16> narrow(values.size());
    cast(values.data(), narrow.data(), 0, static_cast<std::int64_t>(values.size()));
    CHECK(narrow == expected);
    for (std::size_t i = 0; i < values.size(); ++i) CHECK(to_bf16(values[i]) == expected[i]);
  });
}

TEST_CASE("every bf16 value survives the way to fp32 and back") {
  std::vector<Bf16> all;
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    if (!std::isnan(to_float(static_cast<Bf16>(bits)))) all.push_back(static_cast<Bf16>(bits));
  }
  samples::on_every_target([&] {
    const auto count = static_cast<std::int64_t>(all.size());
    samples::Floats wide(all.size());
    cast(all.data(), wide.data(), 0, count);
    std::vector<Bf16> back(all.size());
    cast(wide.data(), back.data(), 0, count);
    CHECK(back == all);
  });
}

TEST_CASE("axpy and ema follow their formulas on ranges of any length") {
  samples::on_every_target([] {
    for (const std::int64_t count : {1, 15, 16, 17, 50}) {
      const auto x = samples::normal(static_cast<std::size_t>(count), 1);
      const auto start = samples::normal(static_cast<std::size_t>(count), 2);
      samples::Floats sum = start, average = start;
      axpy(0.75F, x.data(), sum.data(), 0, count);
      ema(0.9F, x.data(), average.data(), 1, count);
      samples::Doubles expected_sum, expected_average;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double a = samples::value(x[i]), b = samples::value(start[i]);
        expected_sum.push_back(b + 0.75 * a);
        expected_average.push_back(i == 0 ? b : 0.9 * b + 0.1 * a);
      }
      samples::check_close(sum, expected_sum, 3e-7);
      samples::check_close(average, expected_average, 3e-7);
    }
  });
}

TEST_CASE("one value that is not finite is found wherever it lies, and only in the range") {
  const float infinity = std::numeric_limits<float>::infinity();
  samples::on_every_target([&] {
    for (const float bad : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
      for (std::size_t at = 0; at < 37; ++at) {
        auto values = samples::normal(37, 3, 1e30);
        CHECK(all_finite(values.data(), 0, 37));
        values[at] = bad;
        CHECK_FALSE(all_finite(values.data(), 0, 37));
        std::vector<Bf16> narrow(37);
        cast(values.data(), narrow.data(), 0, 37);
        CHECK_FALSE(all_finite(narrow.data(), 0, 37));
        CHECK(all_finite(values.data(), static_cast<std::int64_t>(at) + 1, 37));
        CHECK(all_finite(narrow.data(), 0, static_cast<std::int64_t>(at)));
      }
    }
  });
}
