#include "io/checked.hpp"

#include <fmt/format.h>

#include "io/file.hpp"

namespace runner::io {
namespace {

constexpr std::string_view kBefore = R"({"check":")";
constexpr std::string_view kBetween = R"(","record":)";
constexpr std::size_t kCheckDigits = 32;

}  // namespace

std::string checked_line(std::string_view record) {
  return fmt::format("{}{}{}{}}}\n", kBefore, content_hash(record), kBetween, record);
}

std::string_view checked_record(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  const std::size_t head = kBefore.size() + kCheckDigits + kBetween.size();
  if (line.size() < head + 1 || !line.starts_with(kBefore) || !line.ends_with('}') ||
      line.substr(kBefore.size() + kCheckDigits, kBetween.size()) != kBetween) {
    return {};
  }
  const std::string_view record = line.substr(head, line.size() - head - 1);
  return content_hash(record) == line.substr(kBefore.size(), kCheckDigits) ? record
                                                                           : std::string_view{};
}

}  // namespace runner::io
