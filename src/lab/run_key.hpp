#pragma once

#include <cstdint>
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

// Everything that determines a run's bits and where it is looked at, in one canonical text. Of a
// GPU its number is no part, nor is what the run must reach on its rungs: this is the run that goes
// on to its end.
std::string run_key(const Inputs& inputs, const experiment::RunRequest& request,
                    const spec::Spec& spec, const train::Device& device);

// The same run where it is stopped on a rung.
std::string stopped_key(const std::string& key, std::int64_t step);

}  // namespace runner::lab
