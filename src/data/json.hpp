#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace runner::data {

// Throws InputError "NAME: malformed JSON at byte N: ..." on anything but one whole JSON value.
nlohmann::json parse_json(std::string_view text, std::string_view name);

}  // namespace runner::data
