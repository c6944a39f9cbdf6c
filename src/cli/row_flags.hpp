#pragma once

#include <filesystem>
#include <string>

#include "cli/options.hpp"
#include "data/task.hpp"

namespace runner::cli {

// --columns, --input, --no-header, --quoting: where the texts stand in a file of rows.
void add_row_flags(boost::program_options::options_description& flags);

// What they say of `file`; an empty one is standard input. Throws InputError.
data::SplitFile row_format(const CommandLine& line, const std::filesystem::path& file);

}  // namespace runner::cli
