#include "bo/encoding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

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

// The columns of a variable in a point, in place.
arma::vec columns_of(const Variable& v, double* x) { return {x, v.columns(), false, true}; }

}  // namespace

Encoding::Encoding(const Space& space) : space_(&space) {
  check_conditions(space);
  bool conditional = false;
  for (const Variable& v : space.variables) {
    check(v);
    conditional |= !v.when.empty();
    places_.push_back({&v, space.column(places_.size()), groups_.size(), is_constant(v)});
    if (places_.back().constant) continue;
    if (v.type == Type::simplex) {
      for (std::size_t k = 0; k < v.columns(); ++k) groups_.push_back(lengthscales_++);
      cube_ += v.columns();
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
  if (!conditional || count_ == 0) return;
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
  Point point = blank();
  for (std::size_t s = places_.size(); s-- > 0;) {
    const Variable& v = *places_[s].variable;
    if (places_[s].constant) continue;
    point[places_[s].column] = lowest(v) + static_cast<double>(index % count_of(v));
    index /= count_of(v);
  }
  return point;
}

Point Encoding::blank() const {
  Point point(space_->columns());
  for (const Place& place : places_) set_neutral(*place.variable, point.data() + place.column);
  return point;
}

void Encoding::settle(Point& point) const {
  const std::vector<bool> exists = existing(*space_, point);
  for (std::size_t s = 0; s < places_.size(); ++s) {
    if (!exists[s]) set_neutral(*places_[s].variable, point.data() + places_[s].column);
  }
}

template <class Change>
Point Encoding::changed(Point point, Change change) const {
  for (const Place& place : places_) {
    if (!place.constant) change(*place.variable, place.feature, point.data() + place.column);
  }
  settle(point);
  return point;
}

bool Encoding::is_inside(const Point& point) const {
  const std::vector<bool> exists = existing(*space_, point);
  for (std::size_t s = 0; s < places_.size(); ++s) {
    if (exists[s] && !within(*places_[s].variable, point[places_[s].column])) return false;
  }
  return true;
}

Point Encoding::checked(const Point& point, std::string_view what, Outside outside) const {
  if (point.size() != space_->columns()) {
    refuse("{}: {} values for {} columns", what, point.size(), space_->columns());
  }
  Point out = point;
  settle(out);
  for (const Place& place : places_) {
    const Variable& v = *place.variable;
    arma::vec x = columns_of(v, out.data() + place.column);
    for (const double value : x) {
      if (!std::isfinite(value)) refuse("{}: {} = {}", what, v.name, io::number(value));
    }
    if (v.type == Type::simplex) {
      if (x.min() < -kSumSlack) {
        refuse("{}: a weight of {} is {}, below 0", what, v.name, io::number(x.min()));
      }
      x = arma::clamp(x, 0.0, arma::datum::inf);
      const double sum = arma::accu(x);
      if (std::abs(sum - 1.0) > kSumSlack) {
        refuse("{}: the weights of {} sum to {}, not 1", what, v.name, io::number(sum));
      }
      if (sum != 1.0) x /= sum;
      continue;
    }
    const double low = lowest(v), high = highest(v);
    const double slack = kBoundSlack * std::max(high / 2.0 - low / 2.0, std::abs(high));
    const bool beyond = x(0) < low - slack || x(0) > high + slack;
    if (beyond && (outside == Outside::refused || v.type == Type::choice)) {
      refuse("{}: {} = {} is outside [{}, {}]", what, v.name, io::number(x(0)), io::number(low),
             io::number(high));
    }
    if (beyond && (place.constant || (v.log && x(0) <= 0.0))) {
      refuse("{}: {} = {} has no place {}", what, v.name, io::number(x(0)),
             place.constant ? fmt::format("where it is always {}", io::number(low))
                            : "on a log scale");
    }
    if (v.type != Type::real && std::abs(x(0) - std::round(x(0))) > kSumSlack) {
      refuse("{}: {} = {} is not a whole number", what, v.name, io::number(x(0)));
    }
    if (v.type != Type::real) x(0) = std::round(x(0));
    if (!beyond) x(0) = std::clamp(x(0), low, high);
  }
  return out;
}

arma::vec Encoding::encode(const Point& point) const {
  arma::vec features(this->features(), arma::fill::zeros);
  const std::vector<bool> exists = existing(*space_, point);
  for (std::size_t s = 0; s < places_.size(); ++s) {
    const Place& place = places_[s];
    if (place.constant) continue;
    const Variable& v = *place.variable;
    if (v.type == Type::simplex) {
      for (std::size_t k = 0; k < v.columns(); ++k) {
        features(place.feature + k) = point[place.column + k];
      }
    } else if (v.type == Type::choice && exists[s]) {
      features(place.feature + static_cast<std::size_t>(point[place.column])) = kHot;
    } else if (v.type == Type::choice) {
      const auto count = static_cast<double>(v.values.size());
      features.subvec(place.feature, place.feature + v.values.size() - 1).fill(kHot / count);
    } else {
      features(place.feature) = exists[s] ? to_unit(v, point[place.column]) : 0.5;
    }
  }
  return features;
}

Point Encoding::decode(const arma::vec& features) const {
  return changed(blank(), [&](const Variable& v, std::size_t feature, double* x) {
    if (v.type == Type::simplex) {
      arma::vec weights = columns_of(v, x);
      weights = arma::clamp(features.subvec(feature, arma::size(weights)), 0.0, 1.0);
      weights /= arma::accu(weights);
    } else if (v.type == Type::choice) {
      *x = static_cast<double>(features.subvec(feature, feature + count_of(v) - 1).index_max());
    } else {
      *x = from_unit(v, features(feature));
    }
  });
}

Point Encoding::from_cube(std::span<const double> u) const {
  auto next = u.begin();
  return changed(blank(), [&](const Variable& v, std::size_t, double* x) {
    if (v.type == Type::simplex) {
      arma::vec weights = columns_of(v, x);
      for (double& w : weights) w = *next++;
      weights = dirichlet_from_uniform(weights);
    } else if (v.type == Type::choice || (v.type == Type::integer && !v.log)) {
      // Equal shares: rounding the unit interval would give both ends half of one.
      const auto count = static_cast<double>(count_of(v));
      *x = lowest(v) + std::min(std::floor(*next++ * count), count - 1.0);
    } else {
      *x = from_unit(v, *next++);
    }
  });
}

Point Encoding::near(const Point& point, double radius, random::Stream& stream) const {
  return changed(point, [&](const Variable& v, std::size_t, double* x) {
    if (v.type == Type::simplex) {
      arma::vec weights = columns_of(v, x);
      for (double& w : weights) w += radius * stream.normal();
      weights = project_to_simplex(weights);
      weights /= arma::accu(weights);
    } else if (v.type == Type::choice) {
      if (stream.uniform() < radius) *x = static_cast<double>(stream.below(count_of(v)));
    } else {
      double u = to_unit(v, *x) + radius * stream.normal();
      if (u < 0.0) u = std::min(-u, 1.0);  // reflected, so that the bounds do not collect points
      if (u > 1.0) u = std::max(2.0 - u, 0.0);
      *x = from_unit(v, u);
    }
  });
}

Point Encoding::on_face(const Point& point, random::Stream& stream) const {
  return changed(point, [&](const Variable& v, std::size_t, double* x) {
    if (v.type != Type::simplex) return;
    arma::vec weights = columns_of(v, x);
    const double share = stream.uniform();
    for (double& w : weights) w = stream.uniform() < share ? stream.uniform() : 0.0;
    weights(stream.below(weights.n_elem)) += 0x1.0p-20;
    weights = dirichlet_from_uniform(weights);
  });
}

std::vector<Point> Encoding::neighbours(const Point& point) const {
  std::vector<Point> out;
  const std::vector<bool> exists = existing(*space_, point);
  for (std::size_t s = 0; s < places_.size(); ++s) {
    const Place& place = places_[s];
    if (place.constant || !exists[s]) continue;
    const Variable& v = *place.variable;
    if (v.type != Type::integer && v.type != Type::choice) continue;
    const double x = point[place.column];
    const bool ordered = v.type == Type::integer;
    const double first = ordered ? std::max(x - 1.0, v.low) : 0.0;
    const double last = ordered ? std::min(x + 1.0, v.high) : static_cast<double>(count_of(v) - 1);
    for (double value = first; value <= last; ++value) {
      if (value == x) continue;
      out.push_back(point);
      out.back()[place.column] = value;
      settle(out.back());
    }
  }
  return out;
}

Domain Encoding::domain(const arma::vec& features) const {
  Domain domain{features, features, {}};
  const std::vector<bool> exists = existing(*space_, decode(features));
  for (std::size_t s = 0; s < places_.size(); ++s) {
    const Place& place = places_[s];
    if (place.constant || !exists[s]) continue;
    const Variable& v = *place.variable;
    if (v.type != Type::real && v.type != Type::simplex) continue;
    const arma::span part(place.feature, place.feature + v.columns() - 1);
    domain.lower(part).zeros();
    domain.upper(part).ones();
    if (v.type == Type::simplex) domain.simplices.push_back(part);
  }
  return domain;
}

}  // namespace runner::bo
