#include "bo/surface.hpp"

#include <cmath>

namespace runner::bo {

AcquisitionSurface::AcquisitionSurface(const Gp& gp, const Acquisition& acquisition,
                                       const AcquisitionContext& context)
    : gps_{&gp}, function_([&acquisition, context](std::span<const Prediction> p) {
        const AcquisitionValue a = acquisition.function(p[0], context);
        return Value{a.value, {a.by_mean}, {a.by_stddev}};
      }) {}

AcquisitionSurface::AcquisitionSurface(const Gp& first, const Gp& second,
                                       std::vector<Outcome> front)
    : gps_{&first, &second},
      function_([front, reference = reference_point(front)](std::span<const Prediction> p) {
        const auto e = expected_hypervolume_improvement({p[0], p[1]}, front, reference);
        return Value{e.value, {e.by_mean[0], e.by_mean[1]}, {e.by_stddev[0], e.by_stddev[1]}};
      }) {}

double AcquisitionSurface::at(const arma::vec& x) {
  std::vector<Prediction> here;
  last_.clear();
  for (const Gp* gp : gps_) {
    last_.push_back(gp->predict(x));
    here.push_back({last_.back().mean, std::sqrt(last_.back().variance)});
  }
  last_value_ = function_(here);
  return last_value_.value;
}

arma::vec AcquisitionSurface::gradient() const {
  arma::vec sum(last_[0].z.n_elem, arma::fill::zeros);
  for (std::size_t k = 0; k < gps_.size(); ++k) {
    const Gp::Gradients by_x = gps_[k]->gradients(last_[k]);
    const double by_variance = last_value_.by_stddev(k) / (2.0 * std::sqrt(last_[k].variance));
    sum += last_value_.by_mean(k) * by_x.mean + by_variance * by_x.variance;
  }
  return sum;
}

arma::vec AcquisitionSurface::over(const arma::mat& x) const {
  std::vector<std::vector<Prediction>> there(x.n_rows);
  for (const Gp* gp : gps_) {
    arma::vec mean, variance;
    gp->predict(x, mean, variance);
    for (std::size_t i = 0; i < x.n_rows; ++i) {
      there[i].push_back({mean(i), std::sqrt(variance(i))});
    }
  }
  arma::vec values(x.n_rows);
  for (arma::uword i = 0; i < x.n_rows; ++i) values(i) = function_(there[i]).value;
  return values;
}

}  // namespace runner::bo
