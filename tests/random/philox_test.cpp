#include "random/philox.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

using namespace runner::random;

TEST_CASE("Philox4x32-10 gives Random123's known answers") {
  // kat_vectors of the Random123 distribution.
  CHECK(philox(0, 0, 0) ==
        std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox(~0ULL, ~0ULL, ~0ULL) ==
        std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88) ==
        std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("derived seeds differ by purpose, index and parent") {
  std::set<std::uint64_t> seeds;
  for (const char* purpose : {"init", "order", "dropout", "outer", "inner"}) {
    for (std::uint64_t index = 0; index < 100; ++index) {
      seeds.insert(derive(7, purpose, index));
      seeds.insert(derive(8, purpose, index));
    }
  }
  CHECK(seeds.size() == 1000);
  CHECK(derive(7, "order", 3) == derive(7, "order", 3));
}

TEST_CASE("a stream's uniforms, normals and bounded integers have the right moments") {
  Stream stream(derive(1, "moments"));
  const int n = 200000;
  double sum = 0.0, normal_sum = 0.0, normal_squares = 0.0;
  std::vector<int> counts(7, 0);
  for (int i = 0; i < n; ++i) {
    const double u = stream.uniform();
    REQUIRE(u >= 0.0);
    REQUIRE(u < 1.0);
    sum += u;
    const double z = stream.normal();
    normal_sum += z;
    normal_squares += z * z;
    ++counts[stream.below(7)];
  }
  CHECK(sum / n == doctest::Approx(0.5).epsilon(0.005));
  CHECK(std::abs(normal_sum / n) < 0.01);
  CHECK(normal_squares / n == doctest::Approx(1.0).epsilon(0.01));
  for (const int count : counts) CHECK(count == doctest::Approx(n / 7.0).epsilon(0.03));
}

TEST_CASE("shuffle permutes, and the same seed gives the same order") {
  std::vector<int> first(100), second(100);
  std::iota(first.begin(), first.end(), 0);
  second = first;
  const std::vector<int> sorted = first;
  Stream(5).shuffle(first);
  Stream(5).shuffle(second);
  CHECK(first == second);
  CHECK(first != sorted);
  CHECK(std::is_permutation(first.begin(), first.end(), sorted.begin()));
}
