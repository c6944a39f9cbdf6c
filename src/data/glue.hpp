#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/task.hpp"

namespace runner::data {

struct Example {
  std::string text_a;
  std::optional<std::string> text_b;
  float label = 0.0f;  // class id or regression target; NaN: not labelled
};

// Where a split lies: root / task.folder / split.path.
std::filesystem::path split_path(const Task& task, const SplitFile& split,
                                 const std::filesystem::path& root);

// The rows of one split, in the file's order. JSON is one object per line, or an array of objects;
// TSV and CSV are split at '\t' or ',', nothing trimmed, without quoting unless the split has it.
// All may be packed by gzip, begin with a byte-order mark, have "\n" or "\r\n", no last line break
// or blank lines at the end. Throws InputError naming file, line, column, value and what is
// allowed: on a missing or empty file, bytes that are not UTF-8, a header with other names than are
// expected, a blank line, a row with another number of columns than the first line (skipped instead
// where task.skip_malformed_rows says so and the split is labelled), an unknown label, a target
// that is no finite number.
std::vector<Example> read_split(const Task& task, const SplitFile& split,
                                const std::filesystem::path& root);

// The same from a file's bytes; `name` is what errors call it, `skipped` counts the rows skipped.
std::vector<Example> parse_split(const Task& task, const SplitFile& split, std::string_view bytes,
                                 std::string_view name, std::int64_t* skipped = nullptr);

// Files of train and dev that are not there; of test for a task that has nothing else.
std::vector<std::filesystem::path> missing_files(const Task& task,
                                                 const std::filesystem::path& root);

}  // namespace runner::data
