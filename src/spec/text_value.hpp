#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bo/space.hpp"

namespace runner::spec {

// What the text of a table's field means, whichever program wrote it.

// A float32 of a number differs from it by at most this share.
inline constexpr double kFloatRounding = 0x1p-23;

std::string_view trimmed(std::string_view text);  // without blanks at its ends
std::string lower_case(std::string_view text);    // of the letters A to Z

// Whether it says that there is no value: nothing, nan, NA, None, null, ..., in any letters.
bool is_missing(std::string_view text);

// A text as a number: "1e-05", "+2", and truths ("true", "True", "TRUE" are 1, the others 0).
std::optional<double> as_number(std::string_view text);

// The index of the value of a choice that `text` means: the same text, else the same number or
// truth, else the nearest number within the rounding of a float32 (2^-23 of it).
std::optional<std::size_t> find_value(const bo::Variable& choice, std::string_view text);

}  // namespace runner::spec
