#include "data/labels.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "data/unicode.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"

namespace runner::data {
namespace {

// A label without blanks around it, in one normal form, in lower case: what a reader sees of it.
struct Looks {
  std::string trimmed, normal, folded;
  explicit Looks(std::string_view text) {
    std::size_t begin = text.size(), end = text.size();
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t start = at;
      if (unicode::is_space(unicode::decode(text, at))) continue;
      begin = std::min(begin, start);
      end = at;
    }
    if (begin < end) trimmed = text.substr(begin, end - begin);
    normal = unicode::normalize(trimmed, unicode::Form::nfkc);
    for (std::size_t at = 0; at < normal.size();) {
      char32_t buffer[2];
      for (const char32_t c : unicode::lower(unicode::decode(normal, at), buffer)) {
        unicode::append(folded, c);
      }
    }
  }
};

std::string code_points(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (!out.empty()) out += ' ';
    out += fmt::format("U+{:04X}", static_cast<std::uint32_t>(unicode::decode(text, at)));
  }
  return out;
}

// What tells a text and a label apart that look alike; empty: they do not.
std::string difference(std::string_view text, std::string_view label) {
  const Looks one(text), other(label);
  if (one.folded != other.folded) return "";
  if (one.normal != other.normal) return "in upper and lower case";
  if (one.trimmed != other.trimmed) {
    return fmt::format("in its characters: {}, not {}", code_points(text), code_points(label));
  }
  return "in the blanks around it";
}

}  // namespace

float read_label(const Task& task, std::string_view text,
                 const std::function<std::string()>& place) {
  double number = 0.0;
  const bool is_number = io::parse_number(text, number) && std::isfinite(number);
  if (task.regression) {
    if (is_number) return static_cast<float>(number);
    throw InputError(fmt::format("{}: '{}' is not a finite number", place(), text));
  }
  for (std::size_t id = 0; id < task.labels.size(); ++id) {
    if (task.labels[id] == text) return static_cast<float>(id);
  }
  std::string alike;
  for (std::size_t id = 0; id < task.labels.size(); ++id) {
    double value = 0.0;
    if (is_number && io::parse_number(task.labels[id], value) && value == number) {
      return static_cast<float>(id);
    }
    const std::string what = difference(text, task.labels[id]);
    if (!what.empty() && alike.empty()) {
      alike = fmt::format("; it differs from '{}' {}", task.labels[id], what);
    }
  }
  throw InputError(fmt::format("{}: '{}' is not a label of {}; allowed: {}{}", place(), text,
                               task.name, fmt::join(task.labels, ", "), alike));
}

}  // namespace runner::data
