#include "bo/sobol.hpp"

#include <array>
#include <bit>
#include <boost/random/sobol.hpp>

#include "random/philox.hpp"

namespace runner::bo {

Sobol::Sobol(std::size_t dimensions, std::uint64_t seed) {
  if (dimensions == 0) return;
  // The point whose place in the sequence is 2^(k+1) - 1, with the Gray code 2^k, has direction
  // number k of each column for its digits.
  boost::random::sobol_engine<std::uint32_t, kBits> sequence(dimensions);
  directions_.resize(dimensions * kBits);
  for (std::size_t k = 0; k < kBits; ++k) {
    sequence.seed((std::uint32_t{2} << k) - 2);  // its first point, the origin, is left out
    for (std::size_t j = 0; j < dimensions; ++j) directions_[j * kBits + k] = sequence();
  }
  for (std::size_t j = 0; j < dimensions; ++j) {
    random::Stream stream(random::derive(seed, "sobol", j));
    // Row b of the scramble: which of the leading digits make digit b; its own digit always does.
    std::array<std::uint32_t, kBits> rows{};
    for (std::size_t b = 0; b < kBits; ++b) {
      const auto digit = std::uint32_t{1} << (31 - b);
      const auto leading = ~(digit | (digit - 1));
      rows[b] = (static_cast<std::uint32_t>(stream() >> 32) & leading) | digit;
    }
    for (std::size_t k = 0; k < kBits; ++k) {
      std::uint32_t& direction = directions_[j * kBits + k];
      std::uint32_t scrambled = 0;
      for (std::size_t b = 0; b < kBits; ++b) {
        const auto parity = static_cast<std::uint32_t>(std::popcount(rows[b] & direction) & 1);
        scrambled |= parity << (31 - b);
      }
      direction = scrambled;
    }
    shifts_.push_back(static_cast<std::uint32_t>(stream() >> 32));
  }
}

void Sobol::point(std::uint32_t index, std::span<double> out) const {
  const std::uint32_t gray = index ^ (index >> 1);
  for (std::size_t j = 0; j < shifts_.size(); ++j) {
    std::uint32_t digits = shifts_[j];
    for (std::uint32_t rest = gray; rest != 0; rest &= rest - 1) {
      digits ^= directions_[j * kBits + static_cast<std::size_t>(std::countr_zero(rest))];
    }
    // Half a unit, so that no coordinate is exactly 0.
    out[j] = (static_cast<double>(digits) + 0.5) * 0x1.0p-32;
  }
}

}  // namespace runner::bo
