#pragma once

#include <armadillo>
#include <optional>
#include <span>
#include <vector>

#include "bo/encoding.hpp"
#include "bo/gp.hpp"
#include "bo/observation.hpp"
#include "bo/suggest.hpp"
#include "bo/warp.hpp"

namespace runner::bo {

// A history as the model sees it. An objective that is not finite counts as a failed trial.
struct EncodedHistory {
  std::vector<Point> points;        // checked
  std::vector<arma::vec> features;  // of the points, in the history's order
  std::vector<std::size_t> ok, failed, pending;
  std::vector<std::size_t> inside;  // positions in `ok` of the points inside the bounds

  // `objectives` is 2 when y2 counts too.
  EncodedHistory(const Encoding& encoding, std::span<const Observation> observations,
                 std::size_t objectives = 1, Outside outside = Outside::refused);

  // Positions in `ok` of what a search can improve on: `inside`, or all when none is.
  arma::uvec incumbents() const;
};

// Fitted hyperparameters in the form that is stored beside an observation.
struct WarmStart {
  Hyperparameters hyperparameters;
  double strength = 0.0;  // of the outcome warp

  std::vector<double> numbers() const;
  static arma::uword length(arma::uword lengthscales) { return lengthscales + 4; }
  // Of the newest observation that has one; `objective` 1 is the second of two. None: a cold fit.
  static std::optional<WarmStart> from(std::span<const Observation> observations,
                                       arma::uword lengthscales, std::size_t objective);
};

// The Gaussian process of one objective, in warped and standardised outcomes.
struct Model {
  Warp warp;
  Gp gp;
  Fit fit{};
  double noise_stddev = 0.0;       // of an observation, on average; 0: none was found
  arma::vec means;                 // posterior, at the ok observations in the history's order
  double best = 0.0;               // lowest posterior mean at an incumbent
  std::vector<double> warm_start;  // WarmStart::numbers of this fit
};

// Fits hyperparameters and the strength of the outcome warp to the ok observations; failed ones
// then enter with the worst outcome, so that the model avoids their surroundings without being
// shaped by the cliff; pending ones are believed (Gp::believe). The strength is the one with the
// best leave-one-out density of y: Vehtari, Mononen, Tolvanen, Sivula, Winther (2016), section 2.
// `objective` 1 models y2. Needs at least one ok observation.
Model make_model(const Encoding& encoding, const EncodedHistory& history,
                 std::span<const Observation> observations, Noise noise, std::size_t objective = 0);

}  // namespace runner::bo
