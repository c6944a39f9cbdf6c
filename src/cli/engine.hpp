#pragma once

#include "lab/engine.hpp"

namespace runner::cli {

// The half of the program that computes with LibTorch, loaded at the first call. Throws InputError
// when it cannot be loaded (LibTorch was moved since the build).
const lab::Engine& engine();

}  // namespace runner::cli
