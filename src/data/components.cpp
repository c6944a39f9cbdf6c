#include "data/components.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "io/error.hpp"

namespace runner::data {

Component::Component(const io::Json& json, std::string place)
    : json_(&json), place_(std::move(place)) {
  if (!json.is_object()) throw InputError(place_ + ": not a JSON object");
}

std::string Component::type() const {
  const auto found = json_->find("type");
  if (found == json_->end() || !found->is_string()) throw InputError(place_ + ": no type");
  return *found;
}

const io::Json& Component::value(const char* key) {
  static const io::Json kNull;
  known_.emplace_back(key);
  const auto found = json_->find(key);
  return found != json_->end() ? *found : kNull;
}

void Component::refuse(const char* key, std::string_view wanted) const {
  const auto found = json_->find(key);
  throw InputError(fmt::format("{}: {}: {} is not {}", place_, key,
                               found != json_->end() ? found->dump() : "null", wanted));
}

bool Component::flag(const char* key, bool absent) {
  const io::Json& found = value(key);
  if (found.is_null()) return absent;
  if (!found.is_boolean()) refuse(key, "true or false");
  return found.get<bool>();
}

int Component::count(const char* key, int absent) {
  const io::Json& found = value(key);
  if (found.is_null()) return absent;
  const std::optional<int> number = io::whole_number<int>(found);
  if (!number || *number < 0) refuse(key, "a number of 0 or more");
  return *number;
}

std::string Component::text(const char* key, std::string_view absent) {
  const io::Json& found = value(key);
  if (found.is_null()) return std::string(absent);
  if (!found.is_string()) refuse(key, "a string");
  return found.get<std::string>();
}

void Component::finish() const {
  for (const auto& [key, found] : json_->items()) {
    if (std::ranges::find(known_, key) == known_.end()) {
      throw InputError(fmt::format("{}: {} is not supported", place_, key));
    }
  }
}

void for_each_component(const io::Json& json, const char* list, const std::string& place,
                        const std::function<void(Component&)>& use) {
  if (json.is_null()) return;
  Component component(json, place);
  if (component.type() == "Sequence") {
    const io::Json& parts = component.value(list);
    if (!parts.is_array()) throw InputError(fmt::format("{}: {} is no list", place, list));
    for (std::size_t i = 0; i < parts.size(); ++i) {
      for_each_component(parts[i], list, fmt::format("{}: {}[{}]", place, list, i), use);
    }
  } else {
    use(component);
  }
  component.finish();
}

void refuse_type(const Component& component, const std::vector<std::string_view>& all) {
  throw InputError(fmt::format("{}: type '{}' is not supported; supported: {}, Sequence",
                               component.place(), component.type(), fmt::join(all, ", ")));
}

}  // namespace runner::data
