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

// Before there are other threads. How long a thread of LibTorch's OpenMP spins for another before
// it sleeps, unless the user says so (OMP_WAIT_POLICY, GOMP_SPINCOUNT): a tenth of a millisecond.
// GNU's own 300,000 turns take the core from the very thread that is waited for where other work
// runs beside: a step of MiniLM on two threads at nice 10 beside one busy process takes 1.8 s with
// them, .29 so, .22 asleep at once; alone .15, .14 and .17.
void limit_spinning();

}  // namespace runner::cli
