#pragma once

#include <filesystem>

#include "spec/problems.hpp"
#include "spec/spec.hpp"

namespace runner::spec {

// Rows that others published, to stand beside the measured ones: a CSV with the column `method`, a
// column for each task that is known, `average` and `source`, each but the first as there is need.
// Scores are x 100; an empty field is not known. Problems are at `place`, and name file and line.
std::vector<PublishedRow> read_published(const std::filesystem::path& path, const Spec& spec,
                                         const Place& place, Problems& problems);

}  // namespace runner::spec
