#pragma once

#include "train/finetune.hpp"

namespace runner::train {

// Throws InputError on options or rows that cannot be trained on.
void check_job(const Job& job);

// The loss of predicting the labels' own frequencies (entropy), or their mean (variance).
double chance_loss(const Job& job);

}  // namespace runner::train
