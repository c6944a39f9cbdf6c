#include "bo/hedge.hpp"

#include <cmath>

namespace runner::bo {

arma::vec hedge_probabilities(const Gp& gp, std::span<const std::vector<arma::vec>> rounds,
                              arma::uword acquisitions) {
  arma::vec gains(acquisitions, arma::fill::zeros);
  for (const std::vector<arma::vec>& nominees : rounds) {
    arma::vec rewards(acquisitions);
    for (arma::uword i = 0; i < acquisitions; ++i) rewards(i) = -gp.predict(nominees[i]).mean;
    gains += rewards - arma::mean(rewards);
  }
  const double count = std::max<double>(1.0, static_cast<double>(rounds.size()));
  const double rate = std::sqrt(8.0 * std::log(static_cast<double>(acquisitions)) / count);
  const arma::vec weights = arma::exp(rate * (gains - gains.max()));
  return weights / arma::accu(weights);
}

}  // namespace runner::bo
