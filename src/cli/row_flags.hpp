#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "cli/options.hpp"
#include "data/task.hpp"

namespace runner::cli {

// --columns, --input, --no-header, --quoting: where the texts stand in a file of rows.
void add_row_flags(boost::program_options::options_description& flags);

// What they say of `file`; an empty one is standard input. Throws InputError.
data::SplitFile row_format(const CommandLine& line, const std::filesystem::path& file);

// The column that a word names by its 0-based number, -1 for the last; none of a name.
std::optional<int> column_number(std::string_view text);

}  // namespace runner::cli
