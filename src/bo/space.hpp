#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace runner::bo {

// What is searched. Nothing in this folder knows of the rest of the project.

enum class Type { real, integer, choice, simplex };

// A variable exists only where another one, its parent, has one of some values.
struct Condition {
  std::size_t parent = 0;        // index in Space::variables; a choice or an integer
  std::vector<double> values{};  // of the parent; of a choice its indices
};

struct Variable {
  std::string name;
  Type type = Type::real;
  double low = 0.0, high = 1.0;     // real, integer: inclusive bounds, low <= high
  bool log = false;                 // real, integer: searched on a log scale; low > 0
  std::vector<std::string> values;  // choice: the allowed values as they are written
  int size = 1;                     // simplex: number of weights, >= 1
  // choice: so many of the last values are known from observations and never proposed
  int retired = 0;
  // It exists where all of these hold and all of their parents exist; empty: always.
  std::vector<Condition> when{};
  // Columns this variable takes in a Point: `size` for a simplex, else 1.
  std::size_t columns() const { return type == Type::simplex ? static_cast<std::size_t>(size) : 1; }
};

struct Space {
  std::vector<Variable> variables;
  // Where the columns of variable `index` begin in a Point, and how many all variables take.
  std::size_t column(std::size_t index) const {
    std::size_t column = 0;
    for (std::size_t i = 0; i < index; ++i) column += variables[i].columns();
    return column;
  }
  std::size_t columns() const { return column(variables.size()); }
};

// One value per column: the real or integer value itself, a choice's index, simplex weights (>= 0,
// sum 1). What stands in the columns of a variable that does not exist there has no meaning.
using Point = std::vector<double>;

}  // namespace runner::bo
