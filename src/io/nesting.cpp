#include "io/nesting.hpp"

#include <fmt/format.h>

#include "io/error.hpp"

namespace runner::io {

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

}  // namespace runner::io
