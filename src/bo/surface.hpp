#pragma once

#include <armadillo>
#include <functional>
#include <span>
#include <vector>

#include "bo/acquisition.hpp"
#include "bo/gp.hpp"
#include "bo/hypervolume.hpp"

namespace runner::bo {

// What is maximised over the space, as a function of the features: one acquisition over a
// posterior, or the expected hypervolume improvement of two independent posteriors over `front`.
// The posteriors must outlive it.
class AcquisitionSurface {
 public:
  AcquisitionSurface(const Gp& gp, const Acquisition& acquisition,
                     const AcquisitionContext& context);
  AcquisitionSurface(const Gp& first, const Gp& second, std::vector<Outcome> front);

  double at(const arma::vec& x);
  // Where the value was asked last.
  arma::vec gradient() const;
  // Its values at the rows of x (candidates x features).
  arma::vec over(const arma::mat& x) const;

 private:
  // Of the posteriors' predictions at a point: the value, and its derivatives by each.
  struct Value {
    double value = 0.0;
    arma::vec by_mean, by_stddev;
  };

  std::vector<const Gp*> gps_;
  std::function<Value(std::span<const Prediction>)> function_;
  std::vector<Gp::Posterior> last_;
  Value last_value_;
};

}  // namespace runner::bo
