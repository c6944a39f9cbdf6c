#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "model/network.hpp"
#include "train/finetune.hpp"

namespace runner::train {

model::NetworkOptions network_options(const Job& job);

// A job's rates of dropout, the config's where its options leave them, and its frozen layers.
model::TrainPass train_pass(const Job& job);

// The weights that the run starts from, with the head that it starts with.
std::vector<float> first_weights(const Job& job, const model::Layout& layout);

// Some rows, and their words, each once, ascending.
model::PackedBatch packed(const Job& job, std::span<const int> rows);
std::vector<std::int32_t> words_of(const Job& job, std::span<const int> rows);

// Is the next look due after this step?
bool stands_on_rung(const Job& job, std::int64_t step, const Result& result);
// Looks at a run's weights there, after so many seconds of training, and adds what it saw: ok, or
// what the run ends as, which of an interruption leaves no trace.
Status look_at(const Job& job, std::int64_t step, std::span<const float> weights, double seconds,
               Result& result);
double looking_seconds(const Result& result);  // of all looks

// The loss of predicting the labels' own frequencies (entropy), or their mean (variance).
double chance_loss(const Job& job);

Result out_of_memory(std::string_view what);

// Fills in train_loss of a run that has taken all its steps, `steps_per_epoch` to an epoch, and
// says whether it has collapsed.
void judge(const Job& job, std::int64_t steps_per_epoch, Result& result);

}  // namespace runner::train
