#pragma once

#include <cstdint>

#include "model/network.hpp"
#include "train/finetune.hpp"

namespace runner::train {

model::NetworkOptions network_options(const Job& job);

// A job's rates of dropout, the config's where its options leave them, and its frozen layers.
model::TrainPass train_pass(const Job& job);

// The loss of predicting the labels' own frequencies (entropy), or their mean (variance).
double chance_loss(const Job& job);

// Fills in train_loss of a run that has taken all its steps, `steps_per_epoch` to an epoch, and
// says whether it has collapsed.
void judge(const Job& job, std::int64_t steps_per_epoch, Result& result);

}  // namespace runner::train
