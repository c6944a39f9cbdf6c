#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "io/json.hpp"

namespace runner::data {

// Reads one component of a tokenizer.json key by key. What it has not been asked for when it ends
// is a setting that is not supported: finish() names it.
class Component {
 public:
  // `place`: what messages call it, as "tokenizer.json: normalizer". Throws InputError when it is
  // no object.
  Component(const io::Json& json, std::string place);

  const std::string& place() const { return place_; }
  std::string type() const;  // its "type"; throws InputError without one
  // The value of a key; the value `absent` where the key is missing or null. Each throws
  // InputError naming place, key and value when it is of another kind.
  bool flag(const char* key, bool absent);
  int count(const char* key, int absent);
  std::string text(const char* key, std::string_view absent);
  const io::Json& value(const char* key);  // null where it is missing
  // A key that changes no id.
  void ignore(const char* key) { value(key); }
  // Throws InputError naming the first key that was not asked for.
  void finish() const;

  // Throws InputError "PLACE: KEY: VALUE is not WANTED".
  [[noreturn]] void refuse(const char* key, std::string_view wanted) const;

 private:
  const io::Json* json_;
  std::string place_;
  std::vector<std::string> known_ = {"type"};
};

// Calls `use` with each component of `json`: itself, or those of a Sequence, which keeps them under
// `list`; none where it is null. What `use` does not ask for is refused.
void for_each_component(const io::Json& json, const char* list, const std::string& place,
                        const std::function<void(Component&)>& use);

// Throws InputError "PLACE: type 'X' is not supported; supported: ...".
[[noreturn]] void refuse_type(const Component& component, const std::vector<std::string_view>& all);

// The row of a table that has the component's type.
template <typename Rows>
const auto& find_row(const Rows& rows, const Component& component) {
  const auto row = std::ranges::find(rows, component.type(), [](const auto& r) { return r.type; });
  if (row != rows.end()) return *row;
  std::vector<std::string_view> all;
  for (const auto& known : rows) all.push_back(known.type);
  refuse_type(component, all);
}

}  // namespace runner::data
