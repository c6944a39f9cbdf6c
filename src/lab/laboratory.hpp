#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "lab/engine.hpp"

namespace runner::lab {

// Engine::make_laboratory. Data and weights are read when a task is first asked for, once for all
// threads.
std::unique_ptr<Laboratory> make_laboratory(const spec::Spec& spec, std::filesystem::path store,
                                            int threads,
                                            std::function<void(const std::string&)> tell);

}  // namespace runner::lab
