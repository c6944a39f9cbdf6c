#pragma once

#include <string>
#include <vector>

#include "spec/spec.hpp"

namespace runner::spec {

// Every file that the spec needs and that is not there, before any work: the model's config,
// weights (all shards) and vocabulary, each task's training and dev splits. One line for each,
// "PATH: what it is".
std::vector<std::string> missing_files(const Spec& spec);

}  // namespace runner::spec
