#pragma once

#include <vector>

#include "bo/space.hpp"

namespace runner::bo {

// Which variables of the space exist at a point with one value per column.
std::vector<bool> existing(const Space& space, const Point& point);

// Throws std::invalid_argument naming a variable whose conditions cannot be: on a parent that is
// not there, is real or a simplex, or depends on the variable itself; without values, or on values
// that the parent never takes.
void check_conditions(const Space& space);

// The variables on a way from `variable` through its parents back to itself, itself first; empty
// when there is none.
std::vector<std::size_t> cycle_through(const Space& space, std::size_t variable);

}  // namespace runner::bo
