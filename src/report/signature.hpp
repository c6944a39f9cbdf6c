#pragma once

#include <string>

#include "spec/spec.hpp"

namespace runner::report {

// What another table must agree in to be comparable with this run's, in one line: versions of
// program and trainer, hashes of model and data, splits with their rows, seeds, trials and
// statistics. Data and model are those that the run has claimed (RUN/inputs): before anything has
// run they are not in it.
std::string signature(const spec::Spec& spec);

}  // namespace runner::report
