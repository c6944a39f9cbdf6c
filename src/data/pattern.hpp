#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "data/components.hpp"

namespace runner::data {

// What tokenizer.json calls a Pattern: {"String": ...}, or {"Regex": ...} in Oniguruma's syntax,
// which is what the tokenizers package matches it with too.
class Pattern {
 public:
  // The value of `key` of a component. Throws InputError when it is neither, or malformed.
  Pattern(Component& component, const char* key);

  // Calls `found` with begin and end of each match, left to right, none overlapping.
  void find_all(std::string_view text,
                const std::function<void(std::size_t, std::size_t)>& found) const;

 private:
  std::string literal_;
  std::shared_ptr<const struct CompiledRegex> regex_;  // null: the literal
};

}  // namespace runner::data
