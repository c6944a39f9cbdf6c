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

// The state of one run: the point, its gradient with each simplex's pivot eliminated, and which
// coordinates may move.
class Walk {
 public:
  Walk(const Objective& f, const Domain& domain, arma::vec x)
      : f_(f), domain_(domain), x_(std::move(x)), pivots_(domain.simplices.size()) {
    value_ = f_.value(x_);
    if (std::isfinite(value_)) reduce();
  }

  arma::vec run(const MinimiseOptions& options) {
    evaluations_left_ = options.evaluations - 1;
    while (evaluations_left_ > 0 && std::isfinite(value_) && movement() > options.tolerance) {
      arma::vec direction = quasi_newton();
      if (!(arma::dot(direction, gradient_ % free_) < 0.0)) {
        pairs_.clear();
        direction = quasi_newton();
      }
      if (search(direction)) continue;
      if (pairs_.empty()) break;
      pairs_.clear();  // once more along the gradient
    }
    return x_;
  }

 private:
  struct Pair {
    arma::vec step, change;
  };

  // From the gradient at x_: the pivots, the gradient with them eliminated, and the free part.
  void reduce() {
    gradient_ = f_.gradient();
    const arma::vec &lower = domain_.lower, &upper = domain_.upper;
    for (std::size_t s = 0; s < pivots_.size(); ++s) {
      const arma::span simplex = domain_.simplices[s];
      pivots_[s] = simplex.a + x_(simplex).index_max();
      gradient_(simplex) -= gradient_(pivots_[s]);
    }
    free_.ones(x_.n_elem);
    for (arma::uword i = 0; i < x_.n_elem; ++i) {
      const bool at_lower = x_(i) <= lower(i) && gradient_(i) > 0.0;
      const bool at_upper = x_(i) >= upper(i) && gradient_(i) < 0.0;
      if (at_lower || at_upper || lower(i) == upper(i)) free_(i) = 0.0;
    }
    for (const arma::uword pivot : pivots_) free_(pivot) = 0.0;
  }

  // The longest coordinate move of a projected gradient step.
  double movement() const { return arma::norm(clipped(x_ - gradient_ % free_) - x_, "inf"); }

  arma::vec clipped(const arma::vec& x) const {
    return arma::min(arma::max(x, domain_.lower), domain_.upper);
  }

  // -H gradient by the two-loop recursion, on the free coordinates alone.
  arma::vec quasi_newton() const {
    arma::vec direction = -gradient_ % free_;
    std::vector<Pair> pairs;
    for (const Pair& pair : pairs_) {
      Pair part{pair.step % free_, pair.change % free_};
      const double squared = arma::dot(part.change, part.change);
      if (arma::dot(part.step, part.change) > 1e-10 * squared) pairs.push_back(std::move(part));
    }
    if (pairs.empty()) {
      const double longest = arma::norm(direction, "inf");
      return longest > kFirstStep ? arma::vec(direction * (kFirstStep / longest)) : direction;
    }
    std::vector<double> weight(pairs.size());
    for (std::size_t k = pairs.size(); k-- > 0;) {
      const auto& [step, change] = pairs[k];
      weight[k] = arma::dot(step, direction) / arma::dot(step, change);
      direction -= weight[k] * change;
    }
    const auto& [newest_step, newest_change] = pairs.back();
    direction *= arma::dot(newest_step, newest_change) / arma::dot(newest_change, newest_change);
    for (std::size_t k = 0; k < pairs.size(); ++k) {
      const auto& [step, change] = pairs[k];
      direction += (weight[k] - arma::dot(change, direction) / arma::dot(step, change)) * step;
    }
    return direction;
  }

  // The projection of x + length direction.
  arma::vec moved(const arma::vec& direction, double length) const {
    arma::vec x = clipped(x_ + length * direction);
    for (std::size_t s = 0; s < pivots_.size(); ++s) {
      auto weights = x(domain_.simplices[s]);
      const double others = arma::accu(weights) - x(pivots_[s]);
      x(pivots_[s]) = 1.0 - others;
      if (others > 1.0) weights = project_to_simplex(weights);
    }
    return x;
  }

  bool search(const arma::vec& direction) {
    double length = 1.0;
    for (int attempt = 0; attempt < kBacktracks && evaluations_left_ > 0; ++attempt) {
      arma::vec x = moved(direction, length);
      const double predicted = arma::dot(gradient_, x - x_);  // a pivot's reduced derivative is 0
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

  void accept(arma::vec x, double value) {
    const arma::vec before_x = std::move(x_), before = std::move(gradient_);
    const std::vector<arma::uword> before_pivots = pivots_;
    x_ = std::move(x);
    value_ = value;
    reduce();
    if (pivots_ != before_pivots) {
      pairs_.clear();  // they were differences in other coordinates
      return;
    }
    pairs_.push_back({x_ - before_x, gradient_ - before});
    if (pairs_.size() > kMemory) pairs_.pop_front();
  }

  const Objective& f_;
  const Domain& domain_;
  arma::vec x_;
  arma::vec gradient_;  // with each simplex's pivot eliminated
  arma::vec free_;      // 1 where a coordinate may move, else 0
  std::vector<arma::uword> pivots_;
  std::deque<Pair> pairs_;
  double value_ = 0.0;
  int evaluations_left_ = 0;
};

}  // namespace

arma::vec minimise(const Objective& f, const Domain& domain, arma::vec x,
                   const MinimiseOptions& options) {
  return Walk(f, domain, std::move(x)).run(options);
}

}  // namespace runner::bo
