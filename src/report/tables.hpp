#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "report/study.hpp"

namespace runner::report {

struct Written {
  std::filesystem::path folder;              // RUN/tables
  std::vector<std::filesystem::path> files;  // in it, in the order they were written
  std::string text;                          // methods and comparisons, for a terminal
};

// Writes every table of an experiment from its journals alone, each file atomically. The bytes are
// a function of what the cells hold; all but timings.csv of the spec alone. What is damaged or
// unreadable in a journal counts as missing. Throws InputError when a file cannot be written.
// `columns`: of the terminal (methods_text).
Written write_tables(const Study& study, std::size_t columns = 0);

}  // namespace runner::report
