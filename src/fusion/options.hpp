#pragma once

#include <string>
#include <string_view>

namespace runner::fusion {

// What the weights of a fusion are chosen by. All are minimised, a score as its negative.
enum class Objective { training_loss, selection_loss, selection_score };
inline constexpr std::string_view kObjectiveNames[] = {"training_loss", "selection_loss",
                                                       "selection_score"};  // as specs write them

// Of the matrix products that a training loss is measured with.
enum class Precision { run, fp32, bf16 };
inline constexpr std::string_view kPrecisionNames[] = {"run", "fp32", "bf16"};  // in specs

// How the snapshots of one run become one model.
struct Options {
  std::string rule = "last";  // a row of the table in fusion/rules.cpp
  int last_k = 3;             // lawa: mean of the k last snapshots
  // Rules "bo" and "ehvi": the inner loop, a search over simplex weights.
  std::string acquisition = "ucb";  // bo: a row of bo/acquisition.cpp, or a mixture
  double beta = 4.0;     // UCB on a minimum: mean - sqrt(beta) * stddev, standardised outcomes
  int evaluations = 30;  // in all, starts included; of "learned": gradients
  int rows = 256;        // of the training split; stratified, seeded, disjoint from selection
  // Of the loss on those rows, and of its gradient; run: as the run was trained. bf16 is several
  // times faster and the loss wiggles along the weights, which four of the starts measure: the
  // model of "bo" and "ehvi" takes it for noise.
  Precision precision = Precision::run;
  Objective objective = Objective::training_loss;  // the paper's; of ehvi the first of two
  Objective second = Objective::selection_score;   // of ehvi
  double stop_expected_improvement =
      1e-4;  // stop when the largest EI (in standard deviations of the seen losses) is below
};

}  // namespace runner::fusion
