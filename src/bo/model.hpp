#pragma once

#include <optional>
#include <span>
#include <vector>

#include "bo/gp.hpp"
#include "bo/space.hpp"
#include "bo/suggest.hpp"
#include "bo/warp.hpp"

namespace runner::bo {

// A history as the model sees it. An objective that is not finite counts as a failed trial.
struct History {
  std::vector<Point> points;                  // checked
  std::vector<std::vector<double>> features;  // of the points, in the history's order
  std::vector<std::size_t> ok, failed, pending;

  History(const Encoding& encoding, std::span<const Observation> observations);
};

// Fitted hyperparameters in the form that is stored beside an observation.
struct WarmStart {
  Hyperparameters hyperparameters;
  double strength = 0.0;  // of the outcome warp

  std::vector<double> numbers() const;
  // Of the newest observation that has one of the right length; none else.
  static std::optional<WarmStart> from(std::span<const Observation> observations,
                                       std::size_t lengthscales);
  static std::size_t length(std::size_t lengthscales) { return lengthscales + 4; }
};

// The Gaussian process of one objective, in warped and standardised outcomes.
struct Model {
  Warp warp;
  Gp gp;
  Fit fit;
  double best = 0.0;               // lowest posterior mean at an ok observation
  std::size_t best_index = 0;      // its index in the history
  std::vector<double> warm_start;  // WarmStart::numbers of this fit
};

// Fits hyperparameters to the ok observations; failed ones then enter with the worst outcome, so
// that the model avoids their surroundings without being shaped by the cliff. `y` holds one
// objective value per observation of the history. Needs at least one ok observation.
Model make_model(const Encoding& encoding, const History& history,
                 std::span<const Observation> observations, std::span<const double> y, Noise noise,
                 const WarmStart* warm);

}  // namespace runner::bo
