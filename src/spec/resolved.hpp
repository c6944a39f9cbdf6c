#pragma once

#include <map>
#include <string>

#include "spec/spec.hpp"

namespace runner::spec {

// The spec with everything written out: presets, defaults, roots and overrides, paths absolute.
// load() reads it back to the same spec, and equal specs give equal bytes.
std::string resolved_yaml(const Spec& spec);

// Every field that results depend on, by its path in the spec; a task's begin with "tasks.NAME.".
std::map<std::string, std::string> identity(const Spec& spec);

// What differs between the spec that a run directory was begun with and the one it is asked to go
// on with, and would change results that are there: one line for each field, empty when none does.
// Tasks, seeds, methods and outer.trials or outer.budget may grow or shrink, and name, roots,
// threads, workers and trials_per_device are free; data and weights are known by their content, not
// by where they lie.
std::string difference(const Spec& begun, const Spec& now);

}  // namespace runner::spec
