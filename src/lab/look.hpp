#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "experiment/trainer.hpp"
#include "lab/task_data.hpp"
#include "train/device.hpp"
#include "train/finetune.hpp"

namespace runner::lab {

// The request's rungs in steps.
std::vector<train::Rung> rungs_of(const experiment::RunRequest& request, const TaskData& data);

// A run's weights under way on the selection split, in the run's precision; nothing when
// should_stop, which may be empty, became true.
std::optional<train::Seen> look(const TaskData& data, const train::Options& options,
                                const train::Device& device, std::span<const float> weights,
                                const std::function<bool()>& should_stop);

}  // namespace runner::lab
