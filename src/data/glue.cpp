#include "data/glue.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "data/json.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"
#include "io/file.hpp"

namespace runner::data {
namespace fs = std::filesystem;
namespace {

// The lines of a text one by one, without "\n" or "\r\n".
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
    while (rest_.ends_with('\n') || rest_.ends_with('\r')) rest_.remove_suffix(1);
  }
  bool next(std::string_view& line) {
    if (done_) return false;
    const std::size_t end = rest_.find('\n');
    line = rest_.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    done_ = end == std::string_view::npos;
    if (!done_) rest_.remove_prefix(end + 1);
    ++number_;
    return true;
  }
  int number() const { return number_; }  // 1-based, of the line given last

 private:
  std::string_view rest_;
  int number_ = 0;
  bool done_ = false;
};

void split_columns(std::string_view line, std::vector<std::string_view>& columns) {
  columns.clear();
  for (;;) {
    const std::size_t tab = line.find('\t');
    columns.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return;
    line.remove_prefix(tab + 1);
  }
}

// The class id or target that a label's text stands for; `place` opens the error message.
template <typename Place>
float read_label(const Task& task, std::string_view text, Place place) {
  if (task.regression) {
    double target = 0.0;
    if (!io::parse_number(text, target) || !std::isfinite(target)) {
      throw InputError(fmt::format("{}: '{}' is not a finite number", place(), text));
    }
    return static_cast<float>(target);
  }
  for (std::size_t id = 0; id < task.labels.size(); ++id) {
    if (task.labels[id] == text) return static_cast<float>(id);
  }
  throw InputError(fmt::format("{}: '{}' is not a label of {}; allowed: {}", place(), text,
                               task.name, fmt::join(task.labels, ", ")));
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
  return columns;
}

std::vector<Example> parse_tsv(const Task& task, const SplitFile& split, std::string_view bytes,
                               std::string_view name) {
  std::vector<Example> examples;
  Lines lines(bytes);
  std::string_view line;
  std::vector<std::string_view> fields;
  Columns columns;
  std::size_t width = 0;
  while (lines.next(line)) {
    split_columns(line, fields);
    if (lines.number() == 1) {
      width = fields.size();
      columns = find_columns(split, fields, name);
      if (split.header) continue;
    }
    if (fields.size() != width) {
      if (task.skip_malformed_rows && columns.label != SplitFile::kNoLabel) continue;
      throw InputError(fmt::format("{}:{}: {} columns, but the first line has {}", name,
                                   lines.number(), fields.size(), width));
    }
    const auto field = [&](int column) { return fields[static_cast<std::size_t>(column)]; };
    Example example;
    example.text_a = field(columns.text[0]);
    if (columns.text.size() > 1) example.text_b = field(columns.text[1]);
    example.label = std::numeric_limits<float>::quiet_NaN();
    if (columns.label != SplitFile::kNoLabel) {
      example.label = read_label(task, field(columns.label), [&] {
        return fmt::format("{}:{}: column {}", name, lines.number(), columns.label + 1);
      });
    }
    examples.push_back(std::move(example));
  }
  return examples;
}

std::vector<Example> parse_jsonl(const Task& task, const SplitFile& split, std::string_view bytes,
                                 std::string_view name) {
  if (split.text_fields.empty()) {
    throw InputError(fmt::format("{}: the text fields of a JSONL file must be named", name));
  }
  std::vector<Example> examples;
  Lines lines(bytes);
  std::string_view line;
  while (lines.next(line)) {
    const std::string place = fmt::format("{}:{}", name, lines.number());
    const nlohmann::json row = parse_json(line, place);
    if (!row.is_object()) throw InputError(place + ": not a JSON object");
    const auto field = [&](const std::string& key) -> const nlohmann::json& {
      const auto found = row.find(key);
      if (found == row.end()) throw InputError(fmt::format("{}: no field '{}'", place, key));
      return *found;
    };
    const auto text = [&](const std::string& key) {
      const nlohmann::json& value = field(key);
      if (!value.is_string()) {
        throw InputError(
            fmt::format("{}: field '{}': {} is not a string", place, key, value.dump()));
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
    examples.push_back(std::move(example));
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
                                 std::string_view name) {
  const bool json = split.format == SplitFile::Format::jsonl;
  if (bytes.find_first_not_of("\xEF\xBB\xBF\r\n") == std::string_view::npos) {
    throw InputError(fmt::format("{}: the file is empty", name));
  }
  auto examples =
      json ? parse_jsonl(task, split, bytes, name) : parse_tsv(task, split, bytes, name);
  if (examples.empty()) throw InputError(fmt::format("{}: no rows below the header", name));
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
