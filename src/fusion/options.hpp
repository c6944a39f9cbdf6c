#pragma once

#include <string>

namespace runner::fusion {

// How the snapshots of one run become one model.
struct Options {
  std::string rule =
      "last";      // a row of the table in fusion/rules.cpp: last, best, swa, lawa, ema, bo
  int last_k = 3;  // lawa: mean of the k last snapshots
  // rule "bo": the inner loop. argmin over simplex weights of the mean training loss on a fixed
  // subset.
  std::string acquisition = "ucb";  // a row of bo/acquisition.cpp, or a mixture
  double beta = 4.0;     // UCB on a minimum: mean - sqrt(beta) * stddev, standardised outcomes
  int evaluations = 30;  // in all, starts included
  int rows = 256;        // of the training split; stratified, seeded, disjoint from selection
  double stop_expected_improvement =
      1e-4;  // stop when the largest EI (in standard deviations of the seen losses) is below
};

}  // namespace runner::fusion
