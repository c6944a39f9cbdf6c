#include "bo/conditions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "io/csv.hpp"

namespace runner::bo {
namespace {

bool can_be(const Variable& parent, double value) {
  const bool choice = parent.type == Type::choice;
  const double low = choice ? 0.0 : parent.low;
  const double high = choice ? static_cast<double>(parent.values.size()) - 1.0 : parent.high;
  return value == std::round(value) && value >= low && value <= high;
}

// Depth first from `at` along its parents until `target`; `path` is the way there.
bool reaches(const Space& space, std::size_t at, std::size_t target, std::vector<std::size_t>& path,
             std::vector<bool>& seen) {
  for (const Condition& condition : space.variables[at].when) {
    if (condition.parent == target) return true;
    if (seen[condition.parent]) continue;
    seen[condition.parent] = true;
    path.push_back(condition.parent);
    if (reaches(space, condition.parent, target, path, seen)) return true;
    path.pop_back();
  }
  return false;
}

}  // namespace

std::vector<bool> existing(const Space& space, const Point& point) {
  std::vector<std::size_t> columns;
  std::size_t column = 0;
  for (const Variable& v : space.variables) {
    columns.push_back(column);
    column += static_cast<std::size_t>(v.columns());
  }
  enum class Known { no, exists, absent };
  std::vector<Known> known(space.variables.size(), Known::no);
  const auto find = [&](const auto& self, std::size_t i) -> bool {
    if (known[i] == Known::no) {
      const auto& when = space.variables[i].when;
      const bool exists = std::all_of(when.begin(), when.end(), [&](const Condition& c) {
        const double value = std::round(point[columns[c.parent]]);
        return self(self, c.parent) &&
               std::find(c.values.begin(), c.values.end(), value) != c.values.end();
      });
      known[i] = exists ? Known::exists : Known::absent;
    }
    return known[i] == Known::exists;
  };
  std::vector<bool> exists;
  for (std::size_t i = 0; i < space.variables.size(); ++i) exists.push_back(find(find, i));
  return exists;
}

std::vector<std::size_t> cycle_through(const Space& space, std::size_t variable) {
  std::vector<std::size_t> path = {variable};
  std::vector<bool> seen(space.variables.size());
  if (!reaches(space, variable, variable, path, seen)) path.clear();
  return path;
}

void check_conditions(const Space& space) {
  const auto fail = [](const Variable& v, const std::string& what) {
    throw std::invalid_argument(fmt::format("variable '{}': {}", v.name, what));
  };
  for (std::size_t i = 0; i < space.variables.size(); ++i) {
    const Variable& v = space.variables[i];
    for (const Condition& condition : v.when) {
      if (condition.parent >= space.variables.size()) {
        fail(v, fmt::format("a condition on variable {} of {}", condition.parent + 1,
                            space.variables.size()));
      }
      const Variable& parent = space.variables[condition.parent];
      if (parent.type != Type::choice && parent.type != Type::integer) {
        fail(v, fmt::format("a condition on '{}', which is neither a choice nor an integer",
                            parent.name));
      }
      if (condition.values.empty()) {
        fail(v, fmt::format("a condition on '{}' without values", parent.name));
      }
      for (const double value : condition.values) {
        if (can_be(parent, value)) continue;
        fail(v, fmt::format("a condition on '{}' = {}, which it never is", parent.name,
                            io::number(value)));
      }
    }
  }
  for (std::size_t i = 0; i < space.variables.size(); ++i) {
    const std::vector<std::size_t> cycle = cycle_through(space, i);
    if (cycle.empty()) continue;
    fail(space.variables[i],
         fmt::format("it depends on itself, through '{}'", space.variables[cycle.back()].name));
  }
}

}  // namespace runner::bo
