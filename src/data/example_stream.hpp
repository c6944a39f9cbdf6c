#pragma once

#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "data/glue.hpp"
#include "data/row_parser.hpp"
#include "data/task.hpp"
#include "data/text_stream.hpp"
#include "io/csv.hpp"

namespace runner::data {

// The rows of a file or of standard input as they come, in their order: what read_split reads, with
// the same errors, each thrown when its row is asked for.
class ExampleStream {
 public:
  // Both must outlive it; split.path is not read. An empty path is standard input.
  ExampleStream(const Task& task, const SplitFile& split, const std::filesystem::path& path);

  // False at the end.
  bool next(Example& example);
  // Whether next() knows without waiting for whoever writes the text.
  bool ready();
  const std::string& name() const { return lines_.name(); }

 private:
  bool read_records();
  bool next_record(Example& example);
  bool next_json(Example& example);

  const SplitFile& split_;
  TextStream lines_;
  RowParser parser_;
  std::vector<std::string_view> fields_;
  bool begun_ = false;
  std::deque<io::CsvRecord> records_;  // read, but not given yet
  std::deque<Example> array_;          // the same of one JSON array
};

}  // namespace runner::data
