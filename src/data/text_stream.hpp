#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "data/text_file.hpp"

namespace runner::data {

// The lines of a text as they come, from a file or through a pipe, packed by gzip or not: what
// read_text and Lines make of a whole file, with the same errors at the line where they occur.
class TextStream {
 public:
  // An empty path is standard input. Throws InputError naming the path and the system's reason.
  explicit TextStream(const std::filesystem::path& path);
  ~TextStream();
  TextStream(const TextStream&) = delete;
  TextStream& operator=(const TextStream&) = delete;

  // False at the end. The line lives until the next call.
  bool next(std::string_view& line);
  // Whether there is a line, or the end, without waiting for whoever writes the text.
  bool ready();
  int number() const { return number_; }  // 1-based, of the line given last
  // What ended it, "\n" or "\r\n".
  std::string_view line_break() const { return carriage_ ? "\r\n" : "\n"; }
  const std::string& name() const { return name_; }

 private:
  bool read();  // false at the end
  bool take(std::string_view& line);

  std::string name_;
  int file_ = -1;
  std::unique_ptr<Gunzip> gunzip_;
  std::string text_;  // unpacked; given up to at_
  std::size_t at_ = 0;
  std::size_t searched_ = 0;  // no line break in [at_, searched_)
  std::string line_;
  bool begun_ = false, ended_ = false, carriage_ = false;
  int number_ = 0, read_lines_ = 0;
  int blank_ = 0;      // blank lines that may turn out to be the text's end
  bool held_ = false;  // line_ comes after them
};

}  // namespace runner::data
