#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "io/json_fwd.hpp"

namespace runner::io {

// A whole number within T's range; nothing where the value is anything else, 5.0 and 1e3 included.
template <std::integral T>
std::optional<T> whole_number(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = *value.get_ptr<const Json::number_unsigned_t*>();
    if (std::in_range<T>(number)) return static_cast<T>(number);
  } else if (value.is_number_integer()) {
    const auto number = *value.get_ptr<const Json::number_integer_t*>();
    if (std::in_range<T>(number)) return static_cast<T>(number);
  }
  return std::nullopt;
}

template <typename T, typename>
struct ExactNumbers : nlohmann::adl_serializer<T> {};

[[noreturn]] void throw_not_whole(const Json& value, std::int64_t low, std::uint64_t high);

template <std::integral T>
  requires(!std::same_as<T, bool>)
struct ExactNumbers<T, void> : nlohmann::adl_serializer<T> {
  static void from_json(const Json& value, T& number) {
    const std::optional<T> whole = whole_number<T>(value);
    if (!whole) {
      throw_not_whole(value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
    }
    number = *whole;
  }
};

// Throws InputError "NAME: malformed JSON at byte N: ..." on anything but one whole JSON value, and
// where arrays and objects nest more than 100 deep: anything read here has a handful of levels, and
// whoever copies, compares or writes a value goes down the stack with each.
Json parse_json(std::string_view text, std::string_view name);

// A JSON object's file; an empty object where there is no such file. Throws InputError naming it
// when it holds anything else.
Json read_json_object(const std::filesystem::path& path);

}  // namespace runner::io
