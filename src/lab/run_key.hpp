#pragma once

#include <string>

#include "experiment/trainer.hpp"
#include "spec/spec.hpp"
#include "train/device.hpp"

namespace runner::lab {

// What a task's files and the starting weights hold, by their hashes.
struct Inputs {
  std::string data, model;
  bool operator==(const Inputs&) const = default;
};

// Everything that determines a run's bits, in one canonical text. Of a GPU its number is no part.
std::string run_key(const Inputs& inputs, const experiment::RunRequest& request,
                    const spec::Spec& spec, const train::Device& device);

}  // namespace runner::lab
