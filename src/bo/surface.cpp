#include "bo/surface.hpp"

#include <array>
#include <cmath>
#include <memory>

namespace runner::bo {
namespace {

Prediction prediction(const Gp::Posterior& p) { return {p.mean, std::sqrt(p.variance)}; }

// The gradient of a function of mean and stddev, by the chain rule.
arma::vec chained(double by_mean, double by_stddev, const Gp::Posterior& p,
                  const Gp::Gradients& gradients) {
  return by_mean * gradients.mean + by_stddev / (2.0 * std::sqrt(p.variance)) * gradients.variance;
}

}  // namespace

Prediction predict(const Gp& gp, const arma::vec& features) {
  return prediction(gp.predict(features));
}

AcquisitionSurface surface_of(const Gp& gp, const Acquisition& acquisition,
                              const AcquisitionContext& context) {
  const auto last = std::make_shared<Gp::Posterior>();
  return {[&gp, &acquisition, context, last](const arma::vec& x) {
            *last = gp.predict(x);
            return acquisition.function(prediction(*last), context).value;
          },
          [&gp, &acquisition, context, last] {
            const AcquisitionValue a = acquisition.function(prediction(*last), context);
            return chained(a.by_mean, a.by_stddev, *last, gp.gradients(*last));
          },
          [&gp, &acquisition, context](const arma::mat& x) {
            arma::vec mean, variance;
            gp.predict(x, mean, variance);
            for (arma::uword i = 0; i < x.n_rows; ++i) {
              mean(i) = acquisition.function({mean(i), std::sqrt(variance(i))}, context).value;
            }
            return mean;
          }};
}

AcquisitionSurface surface_of(const Gp& first, const Gp& second, std::vector<Outcome> front) {
  const Outcome reference = reference_point(front);
  const auto last = std::make_shared<std::array<Gp::Posterior, 2>>();
  return {[&first, &second, front, reference, last](const arma::vec& x) {
            *last = {first.predict(x), second.predict(x)};
            return expected_hypervolume_improvement(
                       {prediction((*last)[0]), prediction((*last)[1])}, front, reference)
                .value;
          },
          [&first, &second, front, reference, last] {
            const auto& [p, q] = *last;
            const auto e =
                expected_hypervolume_improvement({prediction(p), prediction(q)}, front, reference);
            return arma::vec(chained(e.by_mean[0], e.by_stddev[0], p, first.gradients(p)) +
                             chained(e.by_mean[1], e.by_stddev[1], q, second.gradients(q)));
          },
          [&first, &second, front, reference](const arma::mat& x) {
            std::array<arma::vec, 2> mean, variance;
            first.predict(x, mean[0], variance[0]);
            second.predict(x, mean[1], variance[1]);
            arma::vec values(x.n_rows);
            for (arma::uword i = 0; i < x.n_rows; ++i) {
              const std::array<Prediction, 2> here = {{{mean[0](i), std::sqrt(variance[0](i))},
                                                       {mean[1](i), std::sqrt(variance[1](i))}}};
              values(i) = expected_hypervolume_improvement(here, front, reference).value;
            }
            return values;
          }};
}

}  // namespace runner::bo
