#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace runner::bo {

// A scrambled Sobol sequence in [0, 1)^d. Sobol (1967) with the direction numbers of Joe, Kuo
// (2008), "Constructing Sobol sequences with better two-dimensional projections", which are
// Boost's; a random lower triangular scramble of the digits and a digital shift (Matousek 1998)
// drawn from Philox. Boost's table ends at 3,667 columns, and says so in a std::invalid_argument.
class Sobol {
 public:
  Sobol(std::size_t dimensions, std::uint64_t seed);

  // Point `index` of the sequence; any index at any time. out.size() is the dimension.
  void point(std::uint32_t index, std::span<double> out) const;

 private:
  static constexpr std::size_t kBits = 32;
  std::vector<std::uint32_t> directions_;  // kBits per column, scrambled
  std::vector<std::uint32_t> shifts_;
};

}  // namespace runner::bo
