#pragma once

#include <memory>

#include "lab/engine.hpp"

namespace runner::lab {

// Engine::make_scorer.
std::unique_ptr<Scorer> make_scorer(const model::EncoderConfig& config, int classes,
                                    const train::Device& device, train::Precision precision,
                                    double target_scale);

}  // namespace runner::lab
