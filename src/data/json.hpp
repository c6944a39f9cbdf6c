#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace runner::data {

// Throws InputError "NAME: malformed JSON at byte N: ..." on anything but one whole JSON value.
nlohmann::json parse_json(std::string_view text, std::string_view name);

// A JSON object's file; an empty object where there is no such file. Throws InputError naming it
// when it holds anything else.
nlohmann::json read_json_object(const std::filesystem::path& path);

}  // namespace runner::data
