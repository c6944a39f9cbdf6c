#include "data/glue.hpp"

#include <fmt/format.h>

#include <utility>

#include "data/row_parser.hpp"
#include "data/text_file.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"

namespace runner::data {
namespace fs = std::filesystem;
namespace {

// Calls use(fields, line) for each row of a TSV or CSV, its header and blank lines included.
template <typename Use>
void each_row(const SplitFile& split, std::string_view text, std::string_view name, Use use) {
  const char delimiter = delimiter_of(split);
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

std::vector<Example> parse_table(const SplitFile& split, std::string_view text,
                                 std::string_view name, RowParser& parser) {
  std::vector<Example> examples;
  Example example;
  each_row(split, text, name, [&](const std::vector<std::string_view>& fields, int line) {
    if (parser.take(fields, line, example)) examples.push_back(std::move(example));
  });
  return examples;
}

std::vector<Example> parse_json_rows(const SplitFile& split, std::string_view text,
                                     std::string_view name, const RowParser& parser) {
  if (split.text_fields.empty()) {
    throw InputError(fmt::format("{}: the text fields of a JSON file must be named", name));
  }
  std::vector<Example> examples;
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin != std::string_view::npos && text[begin] == '[') {
    const io::Json rows = io::parse_json(text, name);
    for (const io::Json& row : rows) {
      examples.push_back(
          parser.take(row, fmt::format("{}: element {}", name, examples.size() + 1)));
    }
    return examples;
  }
  Lines lines(text);
  for (std::string_view line; lines.next(line);) {
    examples.push_back(parser.take_json(line, lines.number()));
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
  RowParser parser(task, split, name);
  auto examples = split.format == SplitFile::Format::jsonl
                      ? parse_json_rows(split, text, name, parser)
                      : parse_table(split, text, name, parser);
  if (examples.empty()) throw InputError(fmt::format("{}: no rows below the header", name));
  if (skipped != nullptr) *skipped = parser.skipped();
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
