#include "bo/surface.hpp"

#include <array>
#include <cmath>

namespace runner::bo {

Prediction predict(const Gp& gp, std::span<const double> features) {
  const Posterior& p = gp.predict(features, false);
  return {p.mean, std::sqrt(p.variance)};
}

AcquisitionSurface surface_of(const Gp& gp, const Acquisition& acquisition,
                              const AcquisitionContext& context) {
  return {[&gp, &acquisition, context](std::span<const double> x) {
            return acquisition.function(predict(gp, x), context).value;
          },
          [&gp, &acquisition, context](std::span<double> gradient) {
            const Posterior& p = gp.differentiate();
            const Prediction here{p.mean, std::sqrt(p.variance)};
            const AcquisitionValue a = acquisition.function(here, context);
            for (std::size_t f = 0; f < gradient.size(); ++f) {
              gradient[f] = a.by_mean * p.mean_gradient[f] +
                            a.by_stddev * p.variance_gradient[f] / (2.0 * here.stddev);
            }
          },
          [&gp, &acquisition, context](const Matrix& x) {
            std::vector<double> mean, variance, values;
            gp.predict(x, mean, variance);
            for (std::size_t c = 0; c < mean.size(); ++c) {
              const Prediction here{mean[c], std::sqrt(variance[c])};
              values.push_back(acquisition.function(here, context).value);
            }
            return values;
          }};
}

AcquisitionSurface surface_of(const Gp& first, const Gp& second, std::vector<Outcome> front) {
  const Outcome reference = reference_point(front);
  return {
      [&first, &second, front, reference](std::span<const double> x) {
        const std::array<Prediction, 2> here = {{predict(first, x), predict(second, x)}};
        return expected_hypervolume_improvement(here, front, reference).value;
      },
      [&first, &second, front, reference](std::span<double> gradient) {
        const std::array<const Posterior*, 2> p = {&first.differentiate(), &second.differentiate()};
        std::array<Prediction, 2> here;
        for (std::size_t k = 0; k < 2; ++k) here[k] = {p[k]->mean, std::sqrt(p[k]->variance)};
        const auto e = expected_hypervolume_improvement(here, front, reference);
        for (std::size_t f = 0; f < gradient.size(); ++f) {
          gradient[f] = 0.0;
          for (std::size_t k = 0; k < 2; ++k) {
            gradient[f] += e.by_mean[k] * p[k]->mean_gradient[f] +
                           e.by_stddev[k] * p[k]->variance_gradient[f] / (2.0 * here[k].stddev);
          }
        }
      },
      [&first, &second, front, reference](const Matrix& x) {
        std::array<std::vector<double>, 2> mean, variance;
        first.predict(x, mean[0], variance[0]);
        second.predict(x, mean[1], variance[1]);
        std::vector<double> values;
        for (std::size_t c = 0; c < mean[0].size(); ++c) {
          const std::array<Prediction, 2> here = {
              {{mean[0][c], std::sqrt(variance[0][c])}, {mean[1][c], std::sqrt(variance[1][c])}}};
          values.push_back(expected_hypervolume_improvement(here, front, reference).value);
        }
        return values;
      }};
}

}  // namespace runner::bo
