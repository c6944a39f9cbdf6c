#pragma once

#include <thread>

#include "lab/engine.hpp"

namespace runner::cli {

// The half of the program that computes with LibTorch, loaded at the first call. Throws InputError
// when it cannot be loaded (LibTorch was moved since the build).
const lab::Engine& engine();

// Loads it in a thread of its own, which ends with the result: the loader and LibTorch's registry
// take as long as reading a vocabulary and a small encoder. What goes wrong the next call of
// engine() says.
std::jthread load_engine_ahead();

}  // namespace runner::cli
