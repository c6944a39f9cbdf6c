#include "bo/conditions.hpp"

#include <algorithm>
#include <cmath>

#include "bo/axis.hpp"
#include "io/csv.hpp"

namespace runner::bo {
namespace {

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
  std::vector<bool> exists(space.variables.size(), true);
  const auto holds = [&](const Condition& c) {
    const double value = std::round(point[space.column(c.parent)]);
    return exists[c.parent] && std::find(c.values.begin(), c.values.end(), value) != c.values.end();
  };
  // What does not exist takes what depends on it along, in whichever order they stand.
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = 0; i < exists.size(); ++i) {
      const auto& when = space.variables[i].when;
      if (!exists[i] || std::all_of(when.begin(), when.end(), holds)) continue;
      exists[i] = false;
      changed = true;
    }
  }
  return exists;
}

std::vector<std::size_t> cycle_through(const Space& space, std::size_t variable) {
  std::vector<std::size_t> path = {variable};
  std::vector<bool> seen(space.variables.size());
  if (!reaches(space, variable, variable, path, seen)) path.clear();
  return path;
}

void check_conditions(const Space& space) {
  for (std::size_t i = 0; i < space.variables.size(); ++i) {
    const Variable& v = space.variables[i];
    for (const Condition& condition : v.when) {
      if (condition.parent >= space.variables.size()) {
        refuse("variable '{}': a condition on variable {} of {}", v.name, condition.parent + 1,
               space.variables.size());
      }
      const Variable& parent = space.variables[condition.parent];
      if (parent.type != Type::choice && parent.type != Type::integer) {
        refuse("variable '{}': a condition on '{}', which is neither a choice nor an integer",
               v.name, parent.name);
      }
      if (condition.values.empty()) {
        refuse("variable '{}': a condition on '{}' without values", v.name, parent.name);
      }
      for (const double value : condition.values) {
        const bool whole = value == std::round(value);
        if (whole && value >= lowest(parent) && value <= highest(parent)) continue;
        refuse("variable '{}': a condition on '{}' = {}, which it never is", v.name, parent.name,
               io::number(value));
      }
    }
  }
  for (std::size_t i = 0; i < space.variables.size(); ++i) {
    const std::vector<std::size_t> cycle = cycle_through(space, i);
    if (cycle.empty()) continue;
    refuse("variable '{}': it depends on itself, through '{}'", space.variables[i].name,
           space.variables[cycle.back()].name);
  }
}

}  // namespace runner::bo
