#include "bo/axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/csv.hpp"

namespace runner::bo {
namespace {

constexpr double kLargestInteger = 9007199254740992.0;  // 2^53
constexpr double kFarthest = 10.0;  // ranges outside the bounds; what lies beyond is put there

}  // namespace

void check(const Variable& v) {
  const auto range = [&] { return fmt::format("[{}, {}]", io::number(v.low), io::number(v.high)); };
  switch (v.type) {
    case Type::real:
    case Type::integer:
      if (!std::isfinite(v.low) || !std::isfinite(v.high) || v.low > v.high) {
        refuse("variable '{}': {} is not a range of finite numbers", v.name, range());
      }
      if (v.log && !(v.low > 0.0)) {
        refuse("variable '{}': a log scale needs low > 0, not {}", v.name, range());
      }
      if (v.type == Type::integer && (v.low != std::round(v.low) || v.high != std::round(v.high) ||
                                      std::max(-v.low, v.high) > kLargestInteger)) {
        refuse("variable '{}': bounds of an integer must be whole numbers, not {}", v.name,
               range());
      }
      return;
    case Type::choice:
      if (v.values.empty()) refuse("variable '{}': a choice needs values", v.name);
      if (v.retired < 0 || static_cast<std::size_t>(v.retired) >= v.values.size()) {
        refuse("variable '{}': {} of {} values retired", v.name, v.retired, v.values.size());
      }
      return;
    case Type::simplex:
      if (v.size < 1) refuse("variable '{}': size {} of a simplex", v.name, v.size);
      return;
  }
}

bool is_constant(const Variable& v) {
  return v.type == Type::simplex ? v.size == 1 : lowest(v) == highest(v);
}

double lowest(const Variable& v) { return v.type == Type::choice ? 0.0 : v.low; }

double highest(const Variable& v) {
  return v.type == Type::choice ? static_cast<double>(v.values.size() - 1) : v.high;
}

bool within(const Variable& v, double x) {
  return v.type == Type::simplex || (x >= lowest(v) && x <= highest(v) - v.retired);
}

// Halves keep the largest ranges finite.
double to_unit(const Variable& v, double x) {
  const double u = v.log ? (std::log(x) - std::log(v.low)) / (std::log(v.high) - std::log(v.low))
                         : (x / 2.0 - v.low / 2.0) / (v.high / 2.0 - v.low / 2.0);
  return within(v, x) ? std::clamp(u, 0.0, 1.0) : std::clamp(u, -kFarthest, 1.0 + kFarthest);
}

double from_unit(const Variable& v, double u) {
  u = std::clamp(u, 0.0, 1.0);
  double x = v.low * (1.0 - u) + v.high * u;
  const bool between = u > 0.0 && u < 1.0;  // at the ends x is the bound itself
  if (v.log && between) x = std::exp(std::log(v.low) * (1.0 - u) + std::log(v.high) * u);
  if (v.type == Type::integer) x = std::round(x);
  return std::clamp(x, v.low, v.high);
}

std::size_t count_of(const Variable& v) {
  return static_cast<std::size_t>(highest(v) - v.retired - lowest(v)) + 1;
}

void set_neutral(const Variable& v, double* x) {
  if (v.type == Type::choice) {
    *x = 0.0;
  } else if (v.type == Type::simplex) {
    std::fill_n(x, v.size, 1.0 / v.size);
  } else {
    *x = is_constant(v) ? v.low : from_unit(v, 0.5);
  }
}

}  // namespace runner::bo
