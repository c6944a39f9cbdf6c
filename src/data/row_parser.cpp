#include "data/row_parser.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "data/labels.hpp"
#include "io/error.hpp"
#include "io/json.hpp"

namespace runner::data {
namespace {

RowParser::Columns find_columns(const SplitFile& split, const std::vector<std::string_view>& first,
                                std::string_view name) {
  const auto named = [&](const std::string& wanted) {
    const auto column = std::ranges::find(first, wanted);
    if (column == first.end()) {
      throw InputError(fmt::format("{}:1: no column '{}'; the header has: {}", name, wanted,
                                   fmt::join(first, ", ")));
    }
    return static_cast<int>(column - first.begin());
  };
  const auto numbered = [&](int column) {
    const int found = column == -1 ? static_cast<int>(first.size()) - 1 : column;
    if (found < 0 || found >= static_cast<int>(first.size())) {
      throw InputError(
          fmt::format("{}:1: no column {}; the line has {}", name, found + 1, first.size()));
    }
    return found;
  };
  if (!split.header && (!split.text_fields.empty() || !split.label_field.empty())) {
    throw InputError(fmt::format("{}: columns are named but the file has no header", name));
  }
  if (split.text_fields.empty() && split.text_columns.empty()) {
    throw InputError(fmt::format("{}: no text column is given", name));
  }
  RowParser::Columns columns;
  for (const std::string& field : split.text_fields) columns.text.push_back(named(field));
  if (split.text_fields.empty()) {
    for (const int column : split.text_columns) columns.text.push_back(numbered(column));
  }
  if (!split.label_field.empty()) {
    columns.label = named(split.label_field);
  } else if (split.label_column != SplitFile::kNoLabel) {
    columns.label = numbered(split.label_column);
  }
  std::vector<int> all = columns.text;
  if (columns.label != SplitFile::kNoLabel) all.push_back(columns.label);
  for (std::size_t i = 0; i < split.expected.size() && i < all.size(); ++i) {
    const std::string_view there = first[static_cast<std::size_t>(all[i])];
    if (there == split.expected[i]) continue;
    throw InputError(fmt::format("{}:1: column {} is '{}', not '{}'; the header has: {}", name,
                                 all[i] + 1, there, split.expected[i], fmt::join(first, ", ")));
  }
  return columns;
}

}  // namespace

void split_columns(std::string_view line, char delimiter, std::vector<std::string_view>& columns) {
  columns.clear();
  for (;;) {
    const std::size_t end = line.find(delimiter);
    columns.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return;
    line.remove_prefix(end + 1);
  }
}

Example texts_of(const io::Json& row, const std::string& place) {
  const auto text = row.is_object() ? row.find("text") : row.end();
  const bool fits = text != row.end() && text->is_array() &&
                    (text->size() == 1 || text->size() == 2) && text->front().is_string() &&
                    text->back().is_string();
  if (!fits) {
    throw InputError(place + ": expected {\"text\": [a]} or {\"text\": [a, b]} with strings");
  }
  Example example{.text_a = text->front(),
                  .text_b = std::nullopt,
                  .label = std::numeric_limits<float>::quiet_NaN()};
  if (text->size() == 2) example.text_b = text->back();
  return example;
}

bool RowParser::take(const std::vector<std::string_view>& fields, int line, Example& example) {
  if (width_ == 0) {
    width_ = fields.size();
    columns_ = find_columns(split_, fields, name_);
    if (split_.header) return false;
  }
  const bool blank = fields.size() == 1 && fields[0].empty();
  if (fields.size() != width_ || blank) {
    if (task_.skip_malformed_rows && columns_.label != SplitFile::kNoLabel) {
      ++skipped_;
      return false;
    }
    const std::string place = fmt::format("{}:{}", name_, line);
    if (blank) throw InputError(place + ": the line is blank");
    throw InputError(
        fmt::format("{}: {} columns, but the first line has {}", place, fields.size(), width_));
  }
  const auto field = [&](int column) { return fields[static_cast<std::size_t>(column)]; };
  example = {};
  example.text_a = field(columns_.text[0]);
  if (columns_.text.size() > 1) example.text_b = field(columns_.text[1]);
  example.label = std::numeric_limits<float>::quiet_NaN();
  if (columns_.label != SplitFile::kNoLabel) {
    example.label = read_label(task_, field(columns_.label), [&] {
      return fmt::format("{}:{}: column {}", name_, line, columns_.label + 1);
    });
  }
  return true;
}

Example RowParser::take(const io::Json& row, const std::string& place) const {
  if (split_.text_fields.empty() && split_.label_field.empty()) return texts_of(row, place);
  if (!row.is_object()) throw InputError(place + ": not a JSON object");
  const auto field = [&](const std::string& key) -> const io::Json& {
    const auto found = row.find(key);
    if (found == row.end()) throw InputError(fmt::format("{}: no field '{}'", place, key));
    return *found;
  };
  const auto text = [&](const std::string& key) {
    const io::Json& value = field(key);
    if (!value.is_string()) {
      throw InputError(fmt::format("{}: field '{}': {} is not a string", place, key, value.dump()));
    }
    return value.get<std::string>();
  };
  Example example;
  example.text_a = text(split_.text_fields[0]);
  if (split_.text_fields.size() > 1) example.text_b = text(split_.text_fields[1]);
  example.label = std::numeric_limits<float>::quiet_NaN();
  if (!split_.label_field.empty()) {
    const io::Json& value = field(split_.label_field);
    // A number stands for the label of the same text: 1 for "1".
    example.label =
        read_label(task_, value.is_string() ? value.get<std::string>() : value.dump(),
                   [&] { return fmt::format("{}: field '{}'", place, split_.label_field); });
  }
  return example;
}

Example RowParser::take_json(std::string_view line, int number) const {
  const std::string place = fmt::format("{}:{}", name_, number);
  if (line.find_first_not_of(" \t") == std::string_view::npos) {
    throw InputError(place + ": the line is blank");
  }
  return take(io::parse_json(line, place), place);
}

}  // namespace runner::data
