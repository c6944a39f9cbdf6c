#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace runner::spec {

// A spec's JSON schema (draft 2020-12), for editors: what may stand where, with meaning, default
// and trade-off as descriptions, from the tables that the readers work from. It refuses nothing
// that `runner check` accepts.
nlohmann::ordered_json schema();

// What a schema cannot say and only `runner check` sees: in words, and as a spec of which nothing
// else is wrong.
struct OnlyCheck {
  std::string_view what;
  std::string_view example;
};
std::span<const OnlyCheck> only_check();

// The reference of every field, as Markdown: docs/spec.md.
std::string reference();

}  // namespace runner::spec
