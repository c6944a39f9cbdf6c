#pragma once

#include <string>
#include <vector>

#include "cli/options.hpp"
#include "spec/spec.hpp"

namespace runner::cli {

// `plan --workers`: numbers from 1, separated by commas. Throws InputError.
std::vector<int> worker_counts(const std::string& text);

// How long what is left of an experiment takes with so many workers of one cell each, as comment
// lines: first the training runs that are known beforehand, then the searches, whose trials follow
// one another. Hours by the rate of one worker (rate_of). Needs what forecast_text needs.
std::string scaling_text(const spec::Spec& spec, const CommandLine& line,
                         const std::vector<int>& counts);

}  // namespace runner::cli
