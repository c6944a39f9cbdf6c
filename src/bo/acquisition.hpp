#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace runner::bo {

// Of the latent function at a point: stddev is without the noise.
struct Prediction {
  double mean = 0.0, stddev = 1.0;
};

// What an acquisition function is asked beside a prediction; minimisation, in standardised
// outcomes.
struct AcquisitionContext {
  double best = 0.0;          // the lowest posterior mean at a point already evaluated
  double beta = 4.0;          // UCB; multiplies the variance
  double noise_stddev = 0.0;  // of one observation, the least gain that counts; 0: deterministic
  double margin = 0.0;        // PI: by how much it asks to improve
};

// Its value, larger is better, and its derivatives by mean and stddev.
struct AcquisitionValue {
  double value = 0.0, by_mean = 0.0, by_stddev = 0.0;
};

// EI = E[max(target - f, 0)] = sd h(z), z = (target - mean) / sd. Jones, Schonlau, Welch (1998),
// "Efficient global optimization of expensive black-box functions", eq. 15.
AcquisitionValue improvement_below(double target, const Prediction& prediction);

// One row of the table of acquisitions: all of them functions of (mean, stddev).
struct Acquisition {
  std::string_view name, summary;
  AcquisitionValue (*function)(const Prediction&, const AcquisitionContext&);
  bool underflows;  // may be 0 everywhere: LogEI then says where to go
};

std::span<const Acquisition> acquisitions();

// The rows that `name` asks for: one for a row's name, several for "ei+ucb" (alternation by the
// number of observations), all for "hedge", none for "ehvi". Throws std::invalid_argument with the
// known names.
std::vector<const Acquisition*> acquisitions_of(std::string_view name);

}  // namespace runner::bo
