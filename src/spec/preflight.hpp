#pragma once

#include <string>
#include <vector>

#include "spec/spec.hpp"

namespace runner::spec {

// The files of data that the spec needs and that are not there, before any work: the model's
// vocabulary, each task's training and dev splits. One line for each, "PATH: what it is".
std::vector<std::string> missing_files(const Spec& spec);

}  // namespace runner::spec
