#pragma once

#include <span>
#include <string_view>

#include "spec/read.hpp"

namespace runner::spec {

// How a field's value is written.
enum class Shape {
  text,     // any scalar
  number,   // in the row's range
  integer,  // the same, a whole number
  flag,     // true or false
  name,     // one of the row's words
  other,    // a form of its own (schema.cpp)
};

// One row of the table of what a spec may say; what `recipe:`, `inner:` and `search:` hold is the
// table of variables.hpp. The readers, the schema for editors and docs/spec.md work from it.
struct Field {
  std::string_view path;  // "outer.beta"; "tasks[].label" is a key of an entry of the list
  Shape shape;
  std::string_view standard;   // what holds where the spec says nothing, as a spec writes it
  std::string_view otherwise;  // the same in words, where it depends; neither: must be given
  std::string_view meaning;
  std::string_view trade_off;  // what a larger, smaller or other value costs and buys; may be empty
  std::string_view form = {};  // Shape::other: the values in words
  Range range = {};            // number, integer
  std::span<const std::string_view> words = {};  // name; of a number: what it may say instead

  bool is_required() const { return standard.empty() && otherwise.empty(); }
  std::string_view section() const;  // "outer", "tasks[]"; empty at the top
  std::string_view key() const;      // "beta"
};

std::span<const Field> fields();

// The row of a path; there is one, or the program is wrong (std::logic_error).
const Field& field(std::string_view path);

}  // namespace runner::spec
