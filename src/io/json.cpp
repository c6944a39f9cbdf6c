#include "io/json.hpp"

#include <fmt/format.h>

#include <string>

#include "io/error.hpp"
#include "io/file.hpp"
#include "io/foreign.hpp"

namespace runner::io {
namespace {

void refuse_deep_json(std::string_view text, std::string_view name) {
  constexpr int kDeepest = 100;
  int depth = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '\\') ++at;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == ']' || c == '}') {
      --depth;
    } else if ((c == '[' || c == '{') && ++depth > kDeepest) {
      throw InputError(
          fmt::format("{}: nested more than {} deep at byte {}", name, kDeepest, at + 1));
    }
  }
}

}  // namespace

void throw_not_whole(const Json& value, std::int64_t low, std::uint64_t high) {
  throw Json::type_error::create(
      302, fmt::format("a whole number from {} to {} is needed, not {}", low, high, value.dump()),
      &value);
}

Json parse_json(std::string_view text, std::string_view name) {
  if (text.empty()) throw InputError(fmt::format("{}: is empty, not JSON", name));
  refuse_deep_json(text, name);
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    const std::string_view foreign = foreign_kind(text);
    if (!foreign.empty()) throw InputError(fmt::format("{} is {}", name, foreign));
    // "[json.exception.parse_error.101] parse error at line 1, column 2: <reason>"
    const std::string_view what = error.what();
    const std::size_t reason = what.find(": ");
    throw InputError(
        fmt::format("{}: malformed JSON at byte {}: {}", name, error.byte,
                    reason == std::string_view::npos ? what : what.substr(reason + 2)));
  } catch (const Json::out_of_range&) {
    throw InputError(fmt::format("{}: a number in it is larger than any double", name));
  }
}

Json read_json_object(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return Json::object();
  Json json = parse_json(read_file(path), path.string());
  if (!json.is_object()) throw InputError(path.string() + ": not a JSON object");
  return json;
}

}  // namespace runner::io
