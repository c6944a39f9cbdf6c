#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>

namespace runner::random {

__extension__ using Uint128 = unsigned __int128;

// Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC11).
// A pure function of (key, counter): any element of a stream can be computed alone, in any order,
// on any number of threads, and gives the same bits.
constexpr std::array<std::uint32_t, 4> philox(std::uint64_t key, std::uint64_t high,
                                              std::uint64_t low) {
  std::uint32_t k0 = static_cast<std::uint32_t>(key);
  std::uint32_t k1 = static_cast<std::uint32_t>(key >> 32);
  std::array<std::uint32_t, 4> c = {
      static_cast<std::uint32_t>(low), static_cast<std::uint32_t>(low >> 32),
      static_cast<std::uint32_t>(high), static_cast<std::uint32_t>(high >> 32)};
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return c;
}

// The one way to derive a seed from another: by what it is for and its index, never by the order
// of execution. derive(seed, "order", epoch), derive(seed, "outer", trial), ...
constexpr std::uint64_t derive(std::uint64_t seed, std::string_view purpose,
                               std::uint64_t index = 0) {
  std::uint64_t hash = 0xCBF29CE484222325;  // FNV-1a of the purpose
  for (const char c : purpose) {
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001B3;
  }
  const auto words = philox(seed, hash, index);
  return (std::uint64_t{words[1]} << 32) | words[0];
}

// A sequence of draws from one derived seed. Copyable; its whole state is (seed, position).
class Stream {
 public:
  using result_type = std::uint64_t;
  explicit constexpr Stream(std::uint64_t seed) : seed_(seed) {}

  constexpr std::uint64_t operator()() {
    const auto words = philox(seed_, 0, position_++);
    return (std::uint64_t{words[1]} << 32) | words[0];
  }
  static constexpr std::uint64_t min() { return 0; }
  static constexpr std::uint64_t max() { return ~std::uint64_t{0}; }

  // Uniform in [0, 1), 53 bits.
  constexpr double uniform() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }

  // Uniform in {0, ..., n-1}, n > 0, without modulo bias (Lemire 2019).
  constexpr std::uint64_t below(std::uint64_t n) {
    for (;;) {
      const Uint128 product = static_cast<Uint128>((*this)()) * n;
      const auto low = static_cast<std::uint64_t>(product);
      if (low >= n || low >= (0 - n) % n) return static_cast<std::uint64_t>(product >> 64);
    }
  }

  // Standard normal (Box-Muller; the second value is dropped so that the state stays a position).
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }

  // Fisher-Yates; the same permutation on every platform, unlike std::shuffle.
  template <typename Range>
  constexpr void shuffle(Range& range) {
    for (std::size_t i = range.size(); i > 1; --i) {
      const auto j = static_cast<std::size_t>(below(i));
      const auto moved = range[i - 1];
      range[i - 1] = range[j];
      range[j] = moved;
    }
  }

 private:
  std::uint64_t seed_;
  std::uint64_t position_ = 0;
};

}  // namespace runner::random
