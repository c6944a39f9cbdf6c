#include "bo/minimise.hpp"

#include <algorithm>
#include <cmath>
#include <deque>

#include "bo/simplex.hpp"

namespace runner::bo {
namespace {

constexpr std::size_t kMemory = 8;    // pairs that approximate the Hessian
constexpr double kSufficient = 1e-4;  // share of the linear decrease that a step must reach
constexpr int kBacktracks = 12;       // halvings before a direction is given up
constexpr double kFirstStep = 0.1;    // longest coordinate move without curvature information

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// The state of one run: the point, its gradient with each simplex's pivot eliminated, and which
// coordinates may move.
class Walk {
 public:
  Walk(const Objective& f, const Domain& domain, std::vector<double> x)
      : f_(f), domain_(domain), x_(std::move(x)), pivots_(domain.simplices.size()) {
    value_ = f_.value(x_);
    if (std::isfinite(value_)) reduce();
  }

  Minimum run(const MinimiseOptions& options) {
    evaluations_left_ = options.evaluations - 1;
    while (evaluations_left_ > 0 && std::isfinite(value_) && movement() > options.tolerance) {
      std::vector<double> direction = quasi_newton();
      if (!(dot(direction, slope_) < 0.0)) {
        pairs_.clear();
        direction = quasi_newton();
      }
      if (search(direction)) continue;
      if (pairs_.empty()) break;
      pairs_.clear();  // once more along the gradient
    }
    return {x_, value_, options.evaluations - evaluations_left_};
  }

 private:
  struct Pair {
    std::vector<double> step, change;
  };

  // From the gradient at x_: the pivots, the gradient with them eliminated, and the free part.
  void reduce() {
    std::vector<double> gradient(x_.size());
    f_.gradient(gradient);
    free_.assign(x_.size(), false);
    for (std::size_t i = 0; i < x_.size(); ++i) {
      const bool at_lower = x_[i] <= domain_.lower[i] && gradient[i] > 0.0;
      const bool at_upper = x_[i] >= domain_.upper[i] && gradient[i] < 0.0;
      free_[i] = domain_.lower[i] < domain_.upper[i] && !at_lower && !at_upper;
    }
    for (std::size_t s = 0; s < domain_.simplices.size(); ++s) {
      const auto [begin, size] = domain_.simplices[s];
      std::size_t pivot = begin;
      for (std::size_t i = begin; i < begin + size; ++i) {
        if (x_[i] > x_[pivot]) pivot = i;
      }
      pivots_[s] = pivot;
      const double shared = gradient[pivot];
      for (std::size_t i = begin; i < begin + size; ++i) {
        gradient[i] -= shared;
        free_[i] = i != pivot && !(x_[i] <= 0.0 && gradient[i] > 0.0);
      }
    }
    slope_ = gradient;
    for (std::size_t i = 0; i < x_.size(); ++i) {
      if (!free_[i]) slope_[i] = 0.0;
    }
    reduced_ = std::move(gradient);
  }

  // The longest coordinate move of a projected gradient step.
  double movement() const {
    double longest = 0.0;
    for (std::size_t i = 0; i < x_.size(); ++i) {
      const double moved = std::clamp(x_[i] - slope_[i], domain_.lower[i], domain_.upper[i]);
      longest = std::max(longest, std::abs(moved - x_[i]));
    }
    return longest;
  }

  double free_dot(std::span<const double> a, std::span<const double> b) const {
    double sum = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += free_[i] ? a[i] * b[i] : 0.0;
    return sum;
  }

  void free_add(double factor, std::span<const double> a, std::span<double> to) const {
    for (std::size_t i = 0; i < a.size(); ++i) to[i] += free_[i] ? factor * a[i] : 0.0;
  }

  // -H gradient by the two-loop recursion, on the free coordinates alone.
  std::vector<double> quasi_newton() const {
    std::vector<double> direction(x_.size());
    for (std::size_t i = 0; i < x_.size(); ++i) direction[i] = -slope_[i];
    std::vector<const Pair*> pairs;
    std::vector<double> curvature, weight(pairs_.size());
    double newest = 0.0;  // the square of the newest pair's change
    for (const Pair& pair : pairs_) {
      const double product = free_dot(pair.step, pair.change);
      const double squared = free_dot(pair.change, pair.change);
      if (product <= 1e-10 * squared) continue;
      pairs.push_back(&pair);
      curvature.push_back(product);
      newest = squared;
    }
    if (pairs.empty()) {
      double longest = 0.0;
      for (const double d : direction) longest = std::max(longest, std::abs(d));
      const double scale = longest > kFirstStep ? kFirstStep / longest : 1.0;
      for (double& d : direction) d *= scale;
      return direction;
    }
    for (std::size_t k = pairs.size(); k-- > 0;) {
      weight[k] = free_dot(pairs[k]->step, direction) / curvature[k];
      free_add(-weight[k], pairs[k]->change, direction);
    }
    const double scale = curvature.back() / newest;
    for (double& d : direction) d *= scale;
    for (std::size_t k = 0; k < pairs.size(); ++k) {
      const double correction = weight[k] - free_dot(pairs[k]->change, direction) / curvature[k];
      free_add(correction, pairs[k]->step, direction);
    }
    return direction;
  }

  std::vector<double> moved(const std::vector<double>& direction, double length) const {
    std::vector<double> x(x_.size());
    for (std::size_t i = 0; i < x_.size(); ++i) {
      x[i] = std::clamp(x_[i] + length * direction[i], domain_.lower[i], domain_.upper[i]);
    }
    for (std::size_t s = 0; s < domain_.simplices.size(); ++s) {
      const auto [begin, size] = domain_.simplices[s];
      double others = 0.0;
      for (std::size_t i = begin; i < begin + size; ++i) {
        if (i != pivots_[s]) others += x[i];
      }
      x[pivots_[s]] = 1.0 - others;
      if (others > 1.0) project_to_simplex(std::span(x).subspan(begin, size));
    }
    return x;
  }

  bool search(const std::vector<double>& direction) {
    double length = 1.0;
    for (int attempt = 0; attempt < kBacktracks && evaluations_left_ > 0; ++attempt) {
      std::vector<double> x = moved(direction, length);
      double predicted = 0.0;  // a pivot's reduced derivative is zero
      for (std::size_t i = 0; i < x_.size(); ++i) predicted += reduced_[i] * (x[i] - x_[i]);
      if (!(predicted < 0.0)) return false;
      const double value = f_.value(x);
      --evaluations_left_;
      if (std::isfinite(value) && value <= value_ + kSufficient * predicted) {
        accept(std::move(x), value);
        return true;
      }
      // The parabola through both values and the slope, kept within a tenth and a half.
      const double curve = 2.0 * (value - value_ - predicted);
      const double share = curve > 0.0 ? -predicted / curve : 0.5;
      length *= std::isfinite(share) ? std::clamp(share, 0.1, 0.5) : 0.1;
    }
    return false;
  }

  void accept(std::vector<double> x, double value) {
    const std::vector<double> before_x = std::move(x_), before = std::move(reduced_);
    const std::vector<std::size_t> before_pivots = pivots_;
    x_ = std::move(x);
    value_ = value;
    reduce();
    if (pivots_ != before_pivots) {
      pairs_.clear();  // they were differences in other coordinates
      return;
    }
    Pair pair{x_, reduced_};
    for (std::size_t i = 0; i < x_.size(); ++i) {
      pair.step[i] -= before_x[i];
      pair.change[i] -= before[i];
    }
    for (const std::size_t pivot : pivots_) pair.step[pivot] = 0.0;
    pairs_.push_back(std::move(pair));
    if (pairs_.size() > kMemory) pairs_.pop_front();
  }

  const Objective& f_;
  const Domain& domain_;
  std::vector<double> x_;
  std::vector<double> reduced_;  // the gradient with each simplex's pivot eliminated
  std::vector<double> slope_;    // the same, zero where a bound holds
  std::vector<char> free_;
  std::vector<std::size_t> pivots_;
  std::deque<Pair> pairs_;
  double value_ = 0.0;
  int evaluations_left_ = 0;
};

}  // namespace

Minimum minimise(const Objective& f, const Domain& domain, std::vector<double> x,
                 const MinimiseOptions& options) {
  return Walk(f, domain, std::move(x)).run(options);
}

}  // namespace runner::bo
