#pragma once

#include <nlohmann/json_fwd.hpp>

namespace runner::io {

template <typename T, typename = void>
struct ExactNumbers;

// nlohmann::json, but for whole numbers: `get`, `get_to` and `value` give a number of an integral
// type where the JSON is a whole number within its range, and throw Json::type_error where it is
// anything else. (nlohmann::json casts: 1e38 to an int is undefined, 4294967297 is 1.)
using Json = nlohmann::basic_json<std::map, std::vector, std::string, bool, std::int64_t,
                                  std::uint64_t, double, std::allocator, ExactNumbers>;

}  // namespace runner::io
