#pragma once

#include <string>
#include <vector>

#include "spec/spec.hpp"

namespace runner::cli {

// Every file that a spec needs and that is not there: of the model and of the data. One line for
// each, "PATH: what it is".
std::vector<std::string> missing_files(const spec::Spec& spec);

// Throws InputError that lists them, if there are any.
void require_files(const spec::Spec& spec);

// Asks LibTorch for GPUs where the spec does, whatever this machine has. Opens all that a run of
// the spec will open: the tokenizer, the weights for each task's labels, every split; goes through
// the plan, whose settings must fit the rows; and holds its snapshots, as far as the store's limit
// keeps them, against the free disk. Throws InputError that lists every problem. Returns what
// becomes of the model's tensors, a line each.
std::vector<std::string> check_files(const spec::Spec& spec);

}  // namespace runner::cli
