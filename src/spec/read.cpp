#include "spec/read.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "io/csv.hpp"

namespace runner::spec {
namespace {

constexpr std::string_view kBooleans[] = {"false", "true"};

std::string_view describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::list:
      return "a list";
    case Node::Kind::map:
      return "a map";
    case Node::Kind::scalar:
      break;
  }
  return "a value";
}

// The text of a scalar, or a problem that says what was `expected`.
const std::string* scalar(const Node& node, std::string_view what, std::string_view expected,
                          Problems& problems) {
  if (node.kind == Node::Kind::scalar) return &node.text;
  problems.add(node.place, fmt::format("{}: expected {}, not {}", what, expected, describe(node)));
  return nullptr;
}

}  // namespace

std::string describe(const Range& range) {
  const bool below = range.high < std::numeric_limits<double>::infinity();
  const bool above = range.low > -std::numeric_limits<double>::infinity();
  if (above && below && !range.low_open && !range.high_open) {
    return fmt::format("from {} to {}", io::number(range.low), io::number(range.high));
  }
  std::string text;
  if (above)
    text = fmt::format("{} {}", range.low_open ? "above" : "at least", io::number(range.low));
  if (above && below) text += " and ";
  if (below) {
    text += fmt::format("{} {}", range.high_open ? "below" : "at most", io::number(range.high));
  }
  return text;
}

std::optional<double> read_number(const Node& node, std::string_view what, const Range& range,
                                  Problems& problems) {
  const std::string* text = scalar(node, what, "a number", problems);
  if (text == nullptr) return {};
  double value = 0.0;
  if (!io::parse_number(*text, value) || !std::isfinite(value)) {
    problems.add(node.place, fmt::format("{}: '{}' is not a number", what, *text));
    return {};
  }
  if (node.quoted) {
    problems.add(
        node.place,
        fmt::format("{}: '{}' in quotes is a text; write the number without them", what, *text));
    return {};
  }
  if (!range.contains(value)) {
    problems.add(node.place, fmt::format("{} is {}; it must be {}", what, *text, describe(range)));
    return {};
  }
  return value;
}

std::optional<std::int64_t> read_integer(const Node& node, std::string_view what,
                                         const Range& range, Problems& problems) {
  const std::optional<double> value = read_number(node, what, range, problems);
  if (!value) return {};
  if (*value != std::floor(*value) || std::abs(*value) > 0x1p53) {
    problems.add(node.place, fmt::format("{}: {} is not a whole number", what, node.text));
    return {};
  }
  return static_cast<std::int64_t>(*value);
}

std::optional<std::uint64_t> read_seed(const Node& node, std::string_view what,
                                       Problems& problems) {
  const std::string* text = scalar(node, what, "a whole number", problems);
  if (text == nullptr) return {};
  std::uint64_t value = 0;
  const char* const end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error != std::errc() || stop != end || node.quoted) {
    problems.add(node.place,
                 fmt::format("{}: '{}' is not a whole number from 0 to 2^64 - 1", what, *text));
    return {};
  }
  return value;
}

std::optional<std::uint64_t> read_bytes(const Node& node, std::string_view what,
                                        Problems& problems) {
  const std::string* text = scalar(node, what, "a size", problems);
  if (text == nullptr) return {};
  double scale = 1.0;
  for (const std::string_view unit : {"kB", "MB", "GB", "TB"}) {
    scale *= 1000.0;
    if (!text->ends_with(unit)) continue;
    std::string_view number = *text;
    number.remove_suffix(unit.size());
    while (number.ends_with(' ')) number.remove_suffix(1);
    double value = 0.0;
    if (!io::parse_number(number, value) || !(value >= 0.0 && value <= 1e6)) break;
    return static_cast<std::uint64_t>(value * scale);
  }
  problems.add(node.place, fmt::format("{}: '{}' is not a number of kB, MB, GB or TB, as in 16 GB",
                                       what, *text));
  return {};
}

std::optional<bool> read_boolean(const Node& node, std::string_view what, Problems& problems) {
  const auto index = read_name(node, what, kBooleans, problems);
  if (!index) return {};
  return *index == 1;
}

std::optional<std::string> read_text(const Node& node, std::string_view what, Problems& problems) {
  const std::string* text = scalar(node, what, "a text", problems);
  if (text == nullptr) return {};
  return *text;
}

std::optional<std::string> read_folder_name(const Node& node, std::string_view what,
                                            Problems& problems) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  auto text = read_text(node, what, problems);
  if (!text) return {};
  if (text->empty() || text->front() == '.' || text->front() == '-' ||
      text->find_first_not_of(kLetters) != std::string::npos) {
    problems.add(node.place, fmt::format("{}: '{}' cannot name a folder; use letters, digits, "
                                         "'_', '-' and '.', the last two not first",
                                         what, *text));
    return {};
  }
  return text;
}

std::optional<std::size_t> read_name(const Node& node, std::string_view what,
                                     std::span<const std::string_view> names, Problems& problems) {
  const std::string* text = scalar(node, what, "a name", problems);
  if (text == nullptr) return {};
  const auto found = std::ranges::find(names, *text);
  if (found == names.end()) {
    problems.add(node.place, unknown(what, *text, names));
    return {};
  }
  return static_cast<std::size_t>(found - names.begin());
}

std::vector<const Node*> read_list(const Node& node, std::string_view what, Problems& problems) {
  std::vector<const Node*> items;
  if (node.kind == Node::Kind::scalar) {
    items.push_back(&node);
  } else if (node.kind != Node::Kind::list) {
    problems.add(node.place, fmt::format("{}: expected a list, not {}", what, describe(node)));
  } else if (node.items.empty()) {
    problems.add(node.place, fmt::format("{}: the list is empty", what));
  }
  for (const Node& item : node.items) {
    if (item.kind == Node::Kind::null) {
      problems.add(item.place, fmt::format("{}: an entry has no value", what));
    } else {
      items.push_back(&item);
    }
  }
  return items;
}

Section::Section(const Node& node, std::string what, Problems& problems)
    : node_(node), what_(std::move(what)), problems_(problems) {
  if (node.kind != Node::Kind::map) {
    problems.add(node.place, fmt::format("{}: expected a map of key: value, not {}",
                                         what_.empty() ? "the spec" : what_, describe(node)));
    return;
  }
  for (auto entry = node.entries.begin(); entry != node.entries.end(); ++entry) {
    const auto first = std::ranges::find(node.entries, entry->key, &Node::Entry::key);
    if (first != entry) {
      problems.add(entry->place, fmt::format("'{}' is set twice, first in line {}", entry->key,
                                             first->place.line + 1));
    }
  }
}

const Node* Section::get(std::string_view key) {
  known_.push_back(key);
  const auto entry = std::ranges::find(node_.entries, key, &Node::Entry::key);
  if (entry == node_.entries.end()) return nullptr;
  if (entry->value.kind == Node::Kind::null) {
    problems_.add(entry->place, fmt::format("{} has no value", path(key)));
    return nullptr;
  }
  return &entry->value;
}

const Node* Section::require(std::string_view key) {
  const bool absent =
      std::ranges::find(node_.entries, key, &Node::Entry::key) == node_.entries.end();
  if (absent && node_.kind == Node::Kind::map) {
    problems_.add(node_.place, fmt::format("{} is missing", path(key)));
  }
  return get(key);
}

void Section::finish() {
  for (const Node::Entry& entry : node_.entries) {
    if (std::ranges::find(known_, entry.key) != known_.end()) continue;
    problems_.add(entry.place,
                  unknown(what_.empty() ? "key" : "key in " + what_, entry.key, known_));
  }
}

std::string Section::path(std::string_view key) const {
  return what_.empty() ? std::string(key) : fmt::format("{}.{}", what_, key);
}

}  // namespace runner::spec
