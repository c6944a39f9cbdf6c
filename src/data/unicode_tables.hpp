#pragma once

#include <span>

namespace runner::data::unicode {

// The generated tables behind unicode.hpp, each sorted by code point.

struct Range {
  char32_t first, last;
};
// Every step-th code point of [first, last] has its lower case `difference` further on.
struct LowerRange {
  char32_t first, last;
  int step, difference;
};

extern const std::span<const Range> kLetters, kNumbers, kSpaces, kRemoved, kPunctuation, kChinese,
    kMarks, kWords, kNumeric, kNewer, kNonspacing;
extern const std::span<const LowerRange> kLower;

}  // namespace runner::data::unicode
