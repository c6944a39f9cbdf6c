#include "data/example_stream.hpp"

#include <fmt/format.h>

#include "io/json.hpp"

namespace runner::data {

ExampleStream::ExampleStream(const Task& task, const SplitFile& split,
                             const std::filesystem::path& path)
    : split_(split), lines_(path), parser_(task, split, lines_.name()) {}

bool ExampleStream::ready() { return !array_.empty() || !records_.empty() || lines_.ready(); }

bool ExampleStream::next(Example& example) {
  return split_.format == SplitFile::Format::jsonl ? next_json(example) : next_record(example);
}

// Reads on until `records_` has what a line, or several with a quote open between them, holds.
bool ExampleStream::read_records() {
  const char delimiter = delimiter_of(split_);
  std::string_view line;
  if (!lines_.next(line)) return false;
  const int number = lines_.number();
  io::OpenQuote quote(delimiter);
  std::string record;
  do {
    const std::size_t begin = record.size();
    record.append(line).append(lines_.line_break());
    if (!quote.after(std::string_view(record).substr(begin))) break;
  } while (lines_.next(line));
  for (io::CsvRecord& each :
       io::parse_csv(record, lines_.name(), delimiter, io::BlankLines::keep, number)) {
    records_.push_back(std::move(each));
  }
  if (records_.empty()) records_.push_back({number, {""}});  // the line is blank
  return true;
}

bool ExampleStream::next_record(Example& example) {
  for (;;) {
    int number = 0;
    if (split_.quoting) {
      if (records_.empty() && !read_records()) return false;
      number = records_.front().line;
      fields_.assign(records_.front().fields.begin(), records_.front().fields.end());
    } else {
      std::string_view line;
      if (!lines_.next(line)) return false;
      number = lines_.number();
      split_columns(line, delimiter_of(split_), fields_);
    }
    const bool taken = parser_.take(fields_, number, example);
    if (!records_.empty()) records_.pop_front();
    if (taken) return true;
  }
}

bool ExampleStream::next_json(Example& example) {
  std::string_view line;
  if (array_.empty()) {
    if (!lines_.next(line)) return false;
    const bool first = !begun_;
    begun_ = true;
    if (!first || line.substr(0, 1) != "[") {
      example = parser_.take_json(line, lines_.number());
      return true;
    }
    std::string text(line);
    while (lines_.next(line)) text.append("\n").append(line);
    const io::Json rows = io::parse_json(text, lines_.name());
    for (const io::Json& row : rows) {
      array_.push_back(
          parser_.take(row, fmt::format("{}: element {}", lines_.name(), array_.size() + 1)));
    }
    if (array_.empty()) return false;
  }
  example = std::move(array_.front());
  array_.pop_front();
  return true;
}

}  // namespace runner::data
