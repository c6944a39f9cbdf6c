#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/glue.hpp"
#include "data/task.hpp"
#include "io/json_fwd.hpp"

namespace runner::data {

// The fields of one line of a TSV or CSV without quoting.
void split_columns(std::string_view line, char delimiter, std::vector<std::string_view>& columns);
inline char delimiter_of(const SplitFile& split) {
  return split.format == SplitFile::Format::csv ? ',' : '\t';
}

// {"text": [a]} or {"text": [a, b]}; `place` opens messages.
Example texts_of(const io::Json& row, const std::string& place);

// Makes examples of a file's rows one by one. Throws InputError as read_split says.
class RowParser {
 public:
  // All must outlive it; `name` is what errors call the file.
  RowParser(const Task& task, const SplitFile& split, std::string_view name)
      : task_(task), split_(split), name_(name) {}

  // A row of a TSV or CSV in their order. False where it is no example: the header, or a malformed
  // row that the task skips.
  bool take(const std::vector<std::string_view>& fields, int line, Example& example);
  // A JSON value; `place` opens messages. Without named fields as texts_of has it.
  Example take(const io::Json& row, const std::string& place) const;
  // A line of JSON.
  Example take_json(std::string_view line, int number) const;

  std::int64_t skipped() const { return skipped_; }

  // Where a table's columns stand, after the header was read where names ask for it.
  struct Columns {
    std::vector<int> text;
    int label = SplitFile::kNoLabel;
  };

 private:
  const Task& task_;
  const SplitFile& split_;
  std::string_view name_;
  Columns columns_;
  std::size_t width_ = 0;  // of the first row; 0: not seen yet
  std::int64_t skipped_ = 0;
};

}  // namespace runner::data
