#pragma once

#include <span>

namespace runner::data::unicode {

// The generated tables behind unicode.hpp, each sorted by code point.

struct Range {
  char32_t first, last;
};
struct CombiningRange {
  char32_t first, last;
  int combining_class;
};
// Every step-th code point of [first, last] has its lower case `difference` further on.
struct LowerRange {
  char32_t first, last;
  int step, difference;
};
struct Decomposition {
  char32_t code_point;
  char32_t to[4];  // full canonical decomposition, filled up with 0
};

extern const std::span<const Range> kLetters, kNumbers, kSpaces, kRemoved, kPunctuation, kChinese,
    kNonspacing;
extern const std::span<const CombiningRange> kCombining;
extern const std::span<const LowerRange> kLower;
extern const std::span<const Decomposition> kDecompositions;

}  // namespace runner::data::unicode
