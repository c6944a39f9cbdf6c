#include "data/glue.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "data/json.hpp"
#include "data/labels.hpp"
#include "data/text_file.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"
#include "io/file.hpp"

namespace runner::data {
namespace fs = std::filesystem;
namespace {

void split_columns(std::string_view line, char delimiter, std::vector<std::string_view>& columns) {
  columns.clear();
  for (;;) {
    const std::size_t end = line.find(delimiter);
    columns.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return;
    line.remove_prefix(end + 1);
  }
}

// Calls use(fields, line) for each row of a TSV or CSV, its header and blank lines included.
template <typename Use>
void each_row(const SplitFile& split, std::string_view text, std::string_view name, Use use) {
  const char delimiter = split.format == SplitFile::Format::csv ? ',' : '\t';
  std::vector<std::string_view> fields;
  if (split.quoting) {
    for (const auto& record : io::parse_csv(text, name, delimiter, io::BlankLines::keep)) {
      fields.assign(record.fields.begin(), record.fields.end());
      use(fields, record.line);
    }
    return;
  }
  Lines lines(text);
  for (std::string_view line; lines.next(line);) {
    split_columns(line, delimiter, fields);
    use(fields, lines.number());
  }
}

// Where a TSV's columns stand, after the header was read where names ask for it.
struct Columns {
  std::vector<int> text;
  int label = SplitFile::kNoLabel;
};

Columns find_columns(const SplitFile& split, const std::vector<std::string_view>& first,
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
  Columns columns;
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

std::vector<Example> parse_table(const Task& task, const SplitFile& split, std::string_view text,
                                 std::string_view name, std::int64_t& skipped) {
  std::vector<Example> examples;
  Columns columns;
  std::size_t width = 0;
  each_row(split, text, name, [&](const std::vector<std::string_view>& fields, int line) {
    if (width == 0) {
      width = fields.size();
      columns = find_columns(split, fields, name);
      if (split.header) return;
    }
    const bool blank = fields.size() == 1 && fields[0].empty();
    if (fields.size() != width || blank) {
      if (task.skip_malformed_rows && columns.label != SplitFile::kNoLabel) {
        ++skipped;
        return;
      }
      const std::string place = fmt::format("{}:{}", name, line);
      if (blank) throw InputError(place + ": the line is blank");
      throw InputError(
          fmt::format("{}: {} columns, but the first line has {}", place, fields.size(), width));
    }
    const auto field = [&](int column) { return fields[static_cast<std::size_t>(column)]; };
    Example example;
    example.text_a = field(columns.text[0]);
    if (columns.text.size() > 1) example.text_b = field(columns.text[1]);
    example.label = std::numeric_limits<float>::quiet_NaN();
    if (columns.label != SplitFile::kNoLabel) {
      example.label = read_label(task, field(columns.label), [&] {
        return fmt::format("{}:{}: column {}", name, line, columns.label + 1);
      });
    }
    examples.push_back(std::move(example));
  });
  return examples;
}

// The row that a JSON object holds; `place` opens messages.
Example read_object(const Task& task, const SplitFile& split, const nlohmann::json& row,
                    const std::string& place) {
  if (!row.is_object()) throw InputError(place + ": not a JSON object");
  const auto field = [&](const std::string& key) -> const nlohmann::json& {
    const auto found = row.find(key);
    if (found == row.end()) throw InputError(fmt::format("{}: no field '{}'", place, key));
    return *found;
  };
  const auto text = [&](const std::string& key) {
    const nlohmann::json& value = field(key);
    if (!value.is_string()) {
      throw InputError(fmt::format("{}: field '{}': {} is not a string", place, key, value.dump()));
    }
    return value.get<std::string>();
  };
  Example example;
  example.text_a = text(split.text_fields[0]);
  if (split.text_fields.size() > 1) example.text_b = text(split.text_fields[1]);
  example.label = std::numeric_limits<float>::quiet_NaN();
  if (!split.label_field.empty()) {
    const nlohmann::json& value = field(split.label_field);
    // A number stands for the label of the same text: 1 for "1".
    example.label =
        read_label(task, value.is_string() ? value.get<std::string>() : value.dump(),
                   [&] { return fmt::format("{}: field '{}'", place, split.label_field); });
  }
  return example;
}

std::vector<Example> parse_json_rows(const Task& task, const SplitFile& split,
                                     std::string_view text, std::string_view name) {
  if (split.text_fields.empty()) {
    throw InputError(fmt::format("{}: the text fields of a JSON file must be named", name));
  }
  std::vector<Example> examples;
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin != std::string_view::npos && text[begin] == '[') {
    const nlohmann::json rows = parse_json(text, name);
    for (const nlohmann::json& row : rows) {
      examples.push_back(
          read_object(task, split, row, fmt::format("{}: element {}", name, examples.size() + 1)));
    }
    return examples;
  }
  Lines lines(text);
  for (std::string_view line; lines.next(line);) {
    const std::string place = fmt::format("{}:{}", name, lines.number());
    if (line.find_first_not_of(" \t") == std::string_view::npos) {
      throw InputError(place + ": the line is blank");
    }
    examples.push_back(read_object(task, split, parse_json(line, place), place));
  }
  return examples;
}

bool there(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

}  // namespace

fs::path split_path(const Task& task, const SplitFile& split, const fs::path& root) {
  return root / task.folder / split.path;
}

std::vector<Example> parse_split(const Task& task, const SplitFile& split, std::string_view bytes,
                                 std::string_view name, std::int64_t* skipped) {
  std::string unpacked;
  const std::string_view text = read_text(bytes, unpacked, name);
  if (text.find_first_not_of("\r\n") == std::string_view::npos) {
    throw InputError(fmt::format("{}: the file is empty", name));
  }
  std::int64_t left_out = 0;
  auto examples = split.format == SplitFile::Format::jsonl
                      ? parse_json_rows(task, split, text, name)
                      : parse_table(task, split, text, name, left_out);
  if (examples.empty()) throw InputError(fmt::format("{}: no rows below the header", name));
  if (skipped != nullptr) *skipped = left_out;
  return examples;
}

std::vector<Example> read_split(const Task& task, const SplitFile& split, const fs::path& root) {
  const fs::path path = split_path(task, split, root);
  return parse_split(task, split, io::read_file(path), path.string());
}

std::vector<fs::path> missing_files(const Task& task, const fs::path& root) {
  std::vector<const SplitFile*> splits;
  if (!task.train.path.empty()) splits.push_back(&task.train);
  for (const SplitFile& split : task.dev) splits.push_back(&split);
  if (splits.empty()) {
    for (const SplitFile& split : task.test) splits.push_back(&split);
  }
  std::vector<fs::path> missing;
  for (const SplitFile* split : splits) {
    const fs::path path = split_path(task, *split, root);
    if (!there(path)) missing.push_back(path);
  }
  return missing;
}

}  // namespace runner::data
