#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "bo/space.hpp"

namespace runner::bo {

template <class... Values>
[[noreturn]] void refuse(fmt::format_string<Values...> message, Values&&... values) {
  throw std::invalid_argument(fmt::format(message, std::forward<Values>(values)...));
}

// Throws std::invalid_argument naming the variable and what is wrong with its bounds or values.
void check(const Variable& variable);

// Whether it can take one value only.
bool is_constant(const Variable& variable);

// The bounds of a number, the indices of a choice's first and last value (a retired one counts).
double lowest(const Variable& variable);
double highest(const Variable& variable);

// Whether x may be proposed: a number between the bounds, a choice that is not retired, any weight.
bool within(const Variable& variable, double x);

// A number in [low, high] to [0, 1] and back. One outside goes on along the same axis.
double to_unit(const Variable& variable, double x);
double from_unit(const Variable& variable, double u);

// The values of a choice that may be proposed, or of an integer.
std::size_t count_of(const Variable& variable);

// The values that stand in the columns of a variable that does not exist: the middle.
void set_neutral(const Variable& variable, double* x);

}  // namespace runner::bo
