#pragma once

#include <filesystem>
#include <memory>

#include "lab/engine.hpp"

namespace runner::lab {

// Engine::make_laboratory. Data and weights are read when a task is first asked for, once for all
// threads.
std::unique_ptr<Laboratory> make_laboratory(const spec::Spec& spec, std::filesystem::path store,
                                            int threads, std::uintmax_t store_bytes);

}  // namespace runner::lab
