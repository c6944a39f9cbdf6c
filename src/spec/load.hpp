#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "spec/spec.hpp"

namespace runner::spec {

// Reads a spec, with `key.path=value` overrides from the command line written into it first (the
// value is YAML, a list's entry is named by its index: `tasks.0=MRPC`). Paths become absolute:
// those of the file are relative to it, those of the command line to the current folder. Roots come
// from the command line, the file, RUNNER_GLUE, RUNNER_MODELS and RUNNER_RUNS, or data/glue and
// data/models beside the file or else beside its folder, and ./runs, in this order.
// Throws one InputError with every problem, each with its place, its line and what is allowed.
Spec load(const std::filesystem::path& file, const std::vector<std::string>& overrides = {});

}  // namespace runner::spec
