#include "data/pattern.hpp"

#include <fmt/format.h>
#include <oniguruma.h>

#include <string>

#include "io/error.hpp"

namespace runner::data {
namespace {

// Steps back that one search may take: milliseconds for patterns in use, a second for one that
// doubles its ways with every character.
constexpr unsigned long kMostRetries = 10'000'000;

const OnigUChar* bytes(const char* text) { return reinterpret_cast<const OnigUChar*>(text); }

std::string why(int code, const OnigErrorInfo* info = nullptr) {
  OnigUChar text[ONIG_MAX_ERROR_MESSAGE_LEN];
  info == nullptr ? onig_error_code_to_str(text, code) : onig_error_code_to_str(text, code, info);
  return reinterpret_cast<const char*>(text);
}

}  // namespace

struct CompiledRegex {
  regex_t* regex = nullptr;
  std::string name;  // for messages
  CompiledRegex(const std::string& pattern, const std::string& place)
      : name(fmt::format("{}: Regex: '{}'", place, pattern)) {
    static const int ready = [] {
      OnigEncoding utf8 = ONIG_ENCODING_UTF8;
      onig_set_retry_limit_in_search(kMostRetries);
      return onig_initialize(&utf8, 1);
    }();
    OnigErrorInfo info;
    const int code =
        ready != ONIG_NORMAL
            ? ready
            : onig_new(&regex, bytes(pattern.data()), bytes(pattern.data() + pattern.size()),
                       ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, ONIG_SYNTAX_DEFAULT, &info);
    if (code == ONIG_NORMAL) return;
    throw InputError(fmt::format("{}: {}", name, why(code, &info)));
  }
  ~CompiledRegex() { onig_free(regex); }
  CompiledRegex(const CompiledRegex&) = delete;
  CompiledRegex& operator=(const CompiledRegex&) = delete;
};

Pattern::Pattern(Component& component, const char* key) {
  const io::Json& json = component.value(key);
  const auto holds = [&](const char* kind) {
    return json.is_object() && json.size() == 1 && json.contains(kind) && json[kind].is_string();
  };
  if (holds("String")) {
    literal_ = json["String"].get<std::string>();
  } else if (holds("Regex")) {
    regex_ = std::make_shared<const CompiledRegex>(json["Regex"].get<std::string>(),
                                                   fmt::format("{}: {}", component.place(), key));
  } else {
    throw InputError(
        fmt::format("{}: {}: neither String nor Regex is given", component.place(), key));
  }
}

void Pattern::find_all(std::string_view text,
                       const std::function<void(std::size_t, std::size_t)>& found) const {
  if (regex_ == nullptr) {
    if (literal_.empty()) return;
    for (std::size_t at = text.find(literal_); at != std::string_view::npos;
         at = text.find(literal_, at + literal_.size())) {
      found(at, at + literal_.size());
    }
    return;
  }
  const std::unique_ptr<OnigRegion, void (*)(OnigRegion*)> region(
      onig_region_new(), [](OnigRegion* r) { onig_region_free(r, 1); });
  const OnigUChar* const begin = bytes(text.data());
  const OnigUChar* const end = begin + text.size();
  std::size_t last_end = std::string_view::npos;
  for (std::size_t at = 0; at <= text.size();) {
    const int status =
        onig_search(regex_->regex, begin, end, begin + at, end, region.get(), ONIG_OPTION_NONE);
    if (status == ONIG_MISMATCH) return;
    if (status < 0) {
      throw InputError(fmt::format("{}: a text of {} bytes cannot be searched: {}", regex_->name,
                                   text.size(), why(status)));
    }
    const auto from = static_cast<std::size_t>(region->beg[0]);
    const auto to = static_cast<std::size_t>(region->end[0]);
    if (from == to) {
      // An empty match goes on one character later, and does not count right after another match.
      if (to != last_end) found(from, to);
      at = to + 1;
      while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
    } else {
      found(from, to);
      at = to;
    }
    last_end = to;
  }
}

}  // namespace runner::data
