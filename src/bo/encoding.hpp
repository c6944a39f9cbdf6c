#pragma once

#include <armadillo>
#include <span>
#include <string_view>
#include <vector>

#include "bo/minimise.hpp"
#include "bo/space.hpp"
#include "random/philox.hpp"

namespace runner::bo {

// What becomes of an observed number outside the bounds: an error, or knowledge about the function
// that the acquisition is not maximised at.
enum class Outside { refused, kept };

// A space as the model and the search see it: a point is a list of features, most of them in
// [0, 1]. A real or integer variable is one feature (after the log), a choice is one feature per
// value (0, or 1/sqrt(2) for the value taken, so that two choices are at distance 1), a simplex is
// its weights themselves. A variable that can take only one value has no feature. Integers and
// choices are rounded before they become features, so equal points are equal to the kernel.
//
// A variable that does not exist at a point (Variable::when) stands at the middle of its features:
// 1/2, or the mean of a choice's values, or equal weights. So two points where it does not exist
// are as near as the others say, and one without it is as far from those with it as their mean;
// imputation as in Lévesque, Durand, Gagné, Sabourin (2017), "Bayesian optimization for conditional
// hyperparameter spaces"; Hutter, Hoos, Leyton-Brown (2011), "Sequential model-based optimization
// for general algorithm configuration", put the default there, which a space need not have.
class Encoding {
 public:
  // Throws std::invalid_argument naming the variable and what is wrong with it. The space must
  // outlive the encoding.
  explicit Encoding(const Space& space);

  std::size_t features() const { return groups_.size(); }
  // Which length scale each feature uses; a choice's features share one.
  const std::vector<arma::uword>& groups() const { return groups_; }
  std::size_t lengthscales() const { return lengthscales_; }
  // Independent directions: a simplex of K weights has K - 1. 0 when the space is a single point.
  int degrees_of_freedom() const { return degrees_of_freedom_; }
  // Number of points when every variable is an integer or a choice; 0 when there are more than
  // 10,000 or infinitely many.
  std::size_t count() const { return count_; }
  // Point number `index` < count() in lexicographic order.
  Point enumerate(std::size_t index) const;

  // Throws std::invalid_argument when the point is not of the space, naming `what`; else the point
  // with integers and indices rounded, weights scaled to sum 1, and neutral values in the columns
  // of variables that do not exist there.
  Point checked(const Point& point, std::string_view what,
                Outside outside = Outside::refused) const;
  // Whether a checked point may be proposed: no number outside its bounds, no retired choice.
  bool is_inside(const Point& point) const;

  arma::vec encode(const Point& point) const;
  // The point of the space nearest to the features.
  Point decode(const arma::vec& features) const;

  // Uniform coordinates in [0, 1)^cube() to a point: log scales, rounding and Dirichlet weights
  // included.
  std::size_t cube() const { return cube_; }
  Point from_cube(std::span<const double> u) const;

  // A point near `point`: real and integer variables move by about `radius` of their range, weights
  // by about `radius`, a choice is drawn anew with probability `radius`.
  Point near(const Point& point, double radius, random::Stream& stream) const;
  // Weights of each simplex on a random face, the other variables as they are.
  Point on_face(const Point& point, random::Stream& stream) const;
  // All points that differ in one integer (by one step) or one choice.
  std::vector<Point> neighbours(const Point& point) const;

  // Where the features may move continuously from `features`: integers and choices stay.
  Domain domain(const arma::vec& features) const;

 private:
  struct Place {
    const Variable* variable;
    std::size_t column, feature;  // where it starts; feature is unused when constant
    bool constant;
  };

  // The columns of variables that do not exist become neutral, so that equal points are equal.
  void settle(Point& point) const;
  // change(variable, its first feature, its columns) for each that can vary, then settled.
  template <class Change>
  Point changed(Point point, Change change) const;
  Point blank() const;                         // every variable at its middle, or only value
  Point combination(std::size_t index) const;  // of all values, as if every variable existed

  const Space* space_;
  std::vector<Place> places_;
  std::vector<arma::uword> groups_;
  std::size_t lengthscales_ = 0, cube_ = 0, count_ = 1;
  int degrees_of_freedom_ = 0;
  std::vector<std::size_t> distinct_;  // with conditions: the combinations that differ
};

}  // namespace runner::bo
