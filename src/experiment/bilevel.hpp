#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "experiment/outer.hpp"

namespace runner::experiment {

// The two nested loops of Bilevel-BO-SWA (arXiv 2505.17151), each as ask/tell over its history:
//
//   inner:  alpha*(lambda) = argmin over simplex(K) of the training loss of sum_k alpha_k theta_k,
//           or whatever else the method's fusion rule makes of the snapshots (fusion/rules.hpp)
//   outer:  lambda*        = argmin over Lambda of -selection score of theta(alpha*(lambda))
//
// A proposal is a pure function of its arguments, so a history read from a journal goes on exactly
// where it stopped. Both loops minimise; the score is negated here and nowhere else.

struct TrialSinks {
  Watch watch{};                                       // of the training and between evaluations
  std::function<void(const InnerRecord&)> on_inner{};  // each new one, before the next is asked for
};

// Trains what `proposed` stands for, fuses its snapshots by the method's rule and measures the
// result; of a soup the snapshots are what `donated` became, and all that those were charged is
// charged to it. `inner` holds what an interrupted attempt had recorded already. A run that
// diverges is a record too. Nothing when should_stop became true. Throws Busy as Trainer::train
// does, and what says nothing about the run, so that it is no record: InputError and errors of the
// machine.
std::optional<TrialRecord> run_trial(const Cell& cell, TrialRecord proposed,
                                     std::vector<InnerRecord> inner, Trainer& trainer,
                                     const TrialSinks& sinks,
                                     std::span<const TrialRecord> donated = {});

}  // namespace runner::experiment
