#pragma once

#include <filesystem>
#include <span>
#include <string_view>

namespace runner::fuzz {

// A folder of this process alone, in memory where the machine has such a place; gone at the end.
const std::filesystem::path& scratch();

// The bytes as a file of that name in it.
std::filesystem::path put(std::string_view name, std::string_view bytes);

// Several files in one input: each begins with a line "=== NAME". Makes a folder, afresh each time,
// of those whose names are in `names`; others are left out.
std::filesystem::path unpack(std::string_view bytes, std::span<const std::string_view> names);

// Throws std::logic_error: a property does not hold.
void require(bool holds, std::string_view what);

}  // namespace runner::fuzz
