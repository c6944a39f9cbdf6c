#pragma once

namespace runner::experiment {

// Raised when the trainer changes what a run's bits are, so that no older run is taken for it.
inline constexpr int kTrainerVersion = 4;

}  // namespace runner::experiment
