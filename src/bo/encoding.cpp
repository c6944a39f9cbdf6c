#include "bo/encoding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "bo/axis.hpp"
#include "bo/conditions.hpp"
#include "bo/simplex.hpp"
#include "io/csv.hpp"

namespace runner::bo {
namespace {

constexpr double kHot = std::numbers::sqrt2 / 2.0;  // a choice's feature
constexpr double kBoundSlack = 1e-9;                // of the range: rounding in a history's text
constexpr double kSumSlack = 1e-6;                  // of a simplex's sum
constexpr std::size_t kLargestCount = 10000;

[[noreturn]] void fail(const std::string& message) { throw std::invalid_argument(message); }

void set_sum_to_one(std::span<double> weights) {
  double sum = 0.0;
  for (const double w : weights) sum += w;
  for (double& w : weights) w /= sum;
}

}  // namespace

Encoding::Encoding(const Space& space) : space_(&space) {
  check_conditions(space);
  std::size_t column = 0;
  for (const Variable& v : space.variables) {
    check(v);
    conditional_ |= !v.when.empty();
    const bool constant = is_constant(v);
    slots_.push_back({&v, column, groups_.size(), constant});
    column += static_cast<std::size_t>(v.columns());
    if (constant) continue;
    if (v.type == Type::simplex) {
      const auto size = static_cast<std::size_t>(v.size);
      for (std::size_t k = 0; k < size; ++k) groups_.push_back(lengthscales_++);
      cube_ += size;
      degrees_of_freedom_ += v.size - 1;
      count_ = 0;
      continue;
    }
    groups_.insert(groups_.end(), v.type == Type::choice ? v.values.size() : 1, lengthscales_++);
    ++cube_;
    ++degrees_of_freedom_;
    const bool infinite = v.type == Type::real || v.high - v.low >= double{kLargestCount};
    count_ *= infinite ? 0 : count_of(v);
    if (count_ > kLargestCount) count_ = 0;
  }
  if (!conditional_ || count_ == 0) return;
  // Of the combinations that differ in nothing that exists, the first stands for all.
  for (std::size_t i = 0; i < count_; ++i) {
    const Point point = combination(i);
    Point settled = point;
    settle(settled);
    if (settled == point) distinct_.push_back(i);
  }
  count_ = distinct_.size();
}

Point Encoding::enumerate(std::size_t index) const {
  return combination(distinct_.empty() ? index : distinct_[index]);
}

Point Encoding::combination(std::size_t index) const {
  Point point(static_cast<std::size_t>(space_->columns()));
  for (std::size_t s = slots_.size(); s-- > 0;) {
    const Variable& v = *slots_[s].variable;
    double& x = point[slots_[s].column];
    if (slots_[s].constant) {
      x = v.type == Type::simplex ? 1.0 : v.type == Type::choice ? 0.0 : v.low;
      continue;
    }
    x = (v.type == Type::choice ? 0.0 : v.low) + static_cast<double>(index % count_of(v));
    index /= count_of(v);
  }
  return point;
}

void Encoding::settle(Point& point) const {
  if (!conditional_) return;
  const std::vector<bool> exists = existing(*space_, point);
  for (std::size_t s = 0; s < slots_.size(); ++s) {
    if (!exists[s]) set_neutral(*slots_[s].variable, point.data() + slots_[s].column);
  }
}

std::vector<bool> Encoding::existing_at(const Point& point) const {
  return conditional_ ? existing(*space_, point) : std::vector<bool>(slots_.size(), true);
}

bool Encoding::is_inside(const Point& point) const {
  const std::vector<bool> exists = existing_at(point);
  for (std::size_t s = 0; s < slots_.size(); ++s) {
    const Variable& v = *slots_[s].variable;
    const double x = point[slots_[s].column];
    if (!exists[s] || v.type == Type::simplex) continue;
    if (v.type == Type::choice ? x >= static_cast<double>(count_of(v)) : !within(v, x))
      return false;
  }
  return true;
}

Point Encoding::checked(const Point& point, std::string_view what, Outside outside) const {
  if (point.size() != static_cast<std::size_t>(space_->columns())) {
    fail(fmt::format("{}: {} values for {} columns", what, point.size(), space_->columns()));
  }
  Point out = point;
  settle(out);
  for (const Slot& slot : slots_) {
    const Variable& v = *slot.variable;
    const std::span<double> x =
        std::span(out).subspan(slot.column, static_cast<std::size_t>(v.columns()));
    for (const double value : x) {
      if (!std::isfinite(value)) fail(fmt::format("{}: {} = {}", what, v.name, io::number(value)));
    }
    if (v.type == Type::simplex) {
      double sum = 0.0;
      for (double& w : x) {
        if (w < -kSumSlack) {
          fail(fmt::format("{}: a weight of {} is {}, below 0", what, v.name, io::number(w)));
        }
        w = std::max(w, 0.0);
        sum += w;
      }
      if (std::abs(sum - 1.0) > kSumSlack) {
        fail(fmt::format("{}: the weights of {} sum to {}, not 1", what, v.name, io::number(sum)));
      }
      if (sum != 1.0) set_sum_to_one(x);
      continue;
    }
    const double low = v.type == Type::choice ? 0.0 : v.low;
    const double high = v.type == Type::choice ? static_cast<double>(v.values.size() - 1) : v.high;
    const double slack = kBoundSlack * std::max(high / 2.0 - low / 2.0, std::abs(high));
    const bool beyond = x[0] < low - slack || x[0] > high + slack;
    if (beyond && (outside == Outside::refused || v.type == Type::choice)) {
      fail(fmt::format("{}: {} = {} is outside [{}, {}]", what, v.name, io::number(x[0]),
                       io::number(low), io::number(high)));
    }
    if (beyond && (slot.constant || (v.log && x[0] <= 0.0))) {
      fail(fmt::format("{}: {} = {} has no place {}", what, v.name, io::number(x[0]),
                       slot.constant ? fmt::format("where it is always {}", io::number(low))
                                     : "on a log scale"));
    }
    if (v.type != Type::real && std::abs(x[0] - std::round(x[0])) > kSumSlack) {
      fail(fmt::format("{}: {} = {} is not a whole number", what, v.name, io::number(x[0])));
    }
    if (v.type != Type::real) x[0] = std::round(x[0]);
    if (!beyond) x[0] = std::clamp(x[0], low, high);
  }
  return out;
}

std::vector<double> Encoding::encode(const Point& point) const {
  std::vector<double> features(this->features());
  const std::vector<bool> exists = existing_at(point);
  for (std::size_t s = 0; s < slots_.size(); ++s) {
    const Slot& slot = slots_[s];
    if (slot.constant) continue;
    const Variable& v = *slot.variable;
    if (!exists[s] && v.type == Type::choice) {
      const double share = kHot / static_cast<double>(v.values.size());
      std::fill_n(features.begin() + static_cast<std::ptrdiff_t>(slot.feature), v.values.size(),
                  share);
    } else if (!exists[s] && v.type != Type::simplex) {
      features[slot.feature] = 0.5;
    } else if (v.type == Type::simplex) {
      std::copy_n(point.begin() + static_cast<std::ptrdiff_t>(slot.column), v.size,
                  features.begin() + static_cast<std::ptrdiff_t>(slot.feature));
    } else if (v.type == Type::choice) {
      features[slot.feature + static_cast<std::size_t>(point[slot.column])] = kHot;
    } else {
      features[slot.feature] = to_unit(v, point[slot.column]);
    }
  }
  return features;
}

Point Encoding::decode(std::span<const double> features) const {
  Point point(static_cast<std::size_t>(space_->columns()));
  for (const Slot& slot : slots_) {
    const Variable& v = *slot.variable;
    double* x = point.data() + slot.column;
    if (slot.constant) {
      *x = v.type == Type::simplex ? 1.0 : v.type == Type::choice ? 0.0 : v.low;
    } else if (v.type == Type::simplex) {
      const auto size = static_cast<std::size_t>(v.size);
      for (std::size_t k = 0; k < size; ++k) x[k] = std::max(features[slot.feature + k], 0.0);
      set_sum_to_one({x, size});
    } else if (v.type == Type::choice) {
      const auto values = features.subspan(slot.feature, count_of(v));
      *x = static_cast<double>(std::max_element(values.begin(), values.end()) - values.begin());
    } else {
      *x = from_unit(v, features[slot.feature]);
    }
  }
  settle(point);
  return point;
}

Point Encoding::from_cube(std::span<const double> u) const {
  Point point(static_cast<std::size_t>(space_->columns()));
  std::size_t next = 0;
  for (const Slot& slot : slots_) {
    const Variable& v = *slot.variable;
    double* x = point.data() + slot.column;
    if (slot.constant) {
      *x = v.type == Type::simplex ? 1.0 : v.type == Type::choice ? 0.0 : v.low;
    } else if (v.type == Type::simplex) {
      const auto size = static_cast<std::size_t>(v.size);
      std::copy_n(u.begin() + static_cast<std::ptrdiff_t>(next), size, x);
      dirichlet_from_uniform({x, size});
      next += size;
    } else if (v.type == Type::choice) {
      const auto count = static_cast<double>(count_of(v));
      *x = std::min(std::floor(u[next++] * count), count - 1.0);
    } else if (v.type == Type::integer && !v.log) {
      // Equal shares: rounding the unit interval would give both ends half of one.
      const double count = v.high - v.low + 1.0;
      *x = std::min(v.low + std::floor(u[next++] * count), v.high);
    } else {
      *x = from_unit(v, u[next++]);
    }
  }
  settle(point);
  return point;
}

Point Encoding::near(const Point& point, double radius, random::Stream& stream) const {
  Point out = point;
  for (const Slot& slot : slots_) {
    if (slot.constant) continue;
    const Variable& v = *slot.variable;
    double* x = out.data() + slot.column;
    if (v.type == Type::simplex) {
      const std::span<double> weights{x, static_cast<std::size_t>(v.size)};
      for (double& w : weights) w += radius * stream.normal();
      project_to_simplex(weights);
      set_sum_to_one(weights);
    } else if (v.type == Type::choice) {
      if (stream.uniform() < radius) *x = static_cast<double>(stream.below(count_of(v)));
    } else {
      double u = to_unit(v, *x) + radius * stream.normal();
      if (u < 0.0) u = std::min(-u, 1.0);  // reflected, so that the bounds do not collect points
      if (u > 1.0) u = std::max(2.0 - u, 0.0);
      *x = from_unit(v, u);
    }
  }
  settle(out);
  return out;
}

Point Encoding::on_face(const Point& point, random::Stream& stream) const {
  Point out = point;
  for (const Slot& slot : slots_) {
    const Variable& v = *slot.variable;
    if (slot.constant || v.type != Type::simplex) continue;
    const std::span<double> weights{out.data() + slot.column, static_cast<std::size_t>(v.size)};
    const double share = stream.uniform();
    for (double& w : weights) w = stream.uniform() < share ? stream.uniform() : 0.0;
    weights[static_cast<std::size_t>(stream.below(weights.size()))] += 0x1.0p-20;
    dirichlet_from_uniform(weights);
  }
  settle(out);
  return out;
}

std::vector<Point> Encoding::neighbours(const Point& point) const {
  std::vector<Point> out;
  const std::vector<bool> exists = existing_at(point);
  for (std::size_t s = 0; s < slots_.size(); ++s) {
    const Slot& slot = slots_[s];
    if (slot.constant || !exists[s]) continue;
    const Variable& v = *slot.variable;
    const double x = point[slot.column];
    const auto add = [&](double value) {
      out.push_back(point);
      out.back()[slot.column] = value;
      settle(out.back());
    };
    if (v.type == Type::integer) {
      if (x > v.low) add(x - 1.0);
      if (x < v.high) add(x + 1.0);
    } else if (v.type == Type::choice) {
      for (std::size_t k = 0; k < count_of(v); ++k) {
        if (static_cast<double>(k) != x) add(static_cast<double>(k));
      }
    }
  }
  return out;
}

Domain Encoding::domain(std::span<const double> features) const {
  Domain domain;
  domain.lower.assign(features.begin(), features.end());
  domain.upper.assign(features.begin(), features.end());
  const std::vector<bool> exists =
      conditional_ ? existing_at(decode(features)) : std::vector<bool>(slots_.size(), true);
  for (std::size_t s = 0; s < slots_.size(); ++s) {
    const Slot& slot = slots_[s];
    if (slot.constant || !exists[s]) continue;
    const Variable& v = *slot.variable;
    if (v.type != Type::real && v.type != Type::simplex) continue;
    const auto size = static_cast<std::size_t>(v.columns());
    for (std::size_t k = slot.feature; k < slot.feature + size; ++k) {
      domain.lower[k] = 0.0;
      domain.upper[k] = 1.0;
    }
    if (v.type == Type::simplex) domain.simplices.push_back({slot.feature, size});
  }
  return domain;
}

double Encoding::distance(std::span<const double> a, std::span<const double> b) {
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
  return largest;
}

}  // namespace runner::bo
