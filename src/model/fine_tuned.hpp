#pragma once

#include <filesystem>

#include "model/checkpoint.hpp"

namespace runner::model {

// A Hugging Face folder of a model that was fine-tuned to say something: its config.labels are what
// its outputs mean, by id, empty for a regression. Throws InputError as load_checkpoint does, and
// where there is no head (a fresh one says nothing) or one of another kind (several labels at once,
// several numbers).
Checkpoint load_fine_tuned(const std::filesystem::path& folder);

}  // namespace runner::model
