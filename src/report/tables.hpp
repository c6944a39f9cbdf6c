#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "spec/spec.hpp"

namespace runner::report {

struct Written {
  std::filesystem::path folder;              // RUN/tables
  std::vector<std::filesystem::path> files;  // in it, in the order they were written
  std::vector<std::string> missing;          // cells that are not complete: "RTE/swa/seed3: 0 of 1"
  std::string text;                          // methods and pairs, for a terminal
};

// Writes every table of an experiment from its journals alone, each file atomically. The bytes are
// a function of what the cells hold; all but timings.csv of the spec alone. Throws InputError on a
// damaged journal and when a file cannot be written.
Written write_tables(const spec::Spec& spec);

}  // namespace runner::report
