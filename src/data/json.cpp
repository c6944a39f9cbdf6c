#include "data/json.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "io/error.hpp"
#include "io/file.hpp"
#include "io/foreign.hpp"
#include "io/nesting.hpp"

namespace runner::data {

nlohmann::json parse_json(std::string_view text, std::string_view name) {
  if (text.empty()) throw InputError(fmt::format("{}: is empty, not JSON", name));
  io::refuse_deep_json(text, name);
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    const std::string_view foreign = io::foreign_kind(text);
    if (!foreign.empty()) throw InputError(fmt::format("{} is {}", name, foreign));
    // "[json.exception.parse_error.101] parse error at line 1, column 2: <reason>"
    const std::string_view what = error.what();
    const std::size_t reason = what.find(": ");
    throw InputError(
        fmt::format("{}: malformed JSON at byte {}: {}", name, error.byte,
                    reason == std::string_view::npos ? what : what.substr(reason + 2)));
  } catch (const nlohmann::json::out_of_range&) {
    throw InputError(fmt::format("{}: a number in it is larger than any double", name));
  }
}

nlohmann::json read_json_object(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return nlohmann::json::object();
  nlohmann::json json = parse_json(io::read_file(path), path.string());
  if (!json.is_object()) throw InputError(path.string() + ": not a JSON object");
  return json;
}

}  // namespace runner::data
