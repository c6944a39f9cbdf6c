#pragma once

#include "bo/space.hpp"

namespace runner::bo {

// Throws std::invalid_argument naming the variable and what is wrong with its bounds or values.
void check(const Variable& variable);

// Whether it can take one value only.
bool is_constant(const Variable& variable);

// Real, integer: whether x lies between the bounds.
bool within(const Variable& variable, double x);

// A number in [low, high] to [0, 1] and back. One outside goes on along the same axis.
double to_unit(const Variable& variable, double x);
double from_unit(const Variable& variable, double u);

// The values of a choice that may be proposed, or of an integer.
std::size_t count_of(const Variable& variable);

// The values that stand in the columns of a variable that does not exist: the middle.
void set_neutral(const Variable& variable, double* x);

}  // namespace runner::bo
