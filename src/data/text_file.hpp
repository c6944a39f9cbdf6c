#pragma once

#include <string>
#include <string_view>

namespace runner::data {

// The text in a data file's bytes, without its byte-order mark: they themselves, or what gzip
// packed (then it lies in `unpacked`). `name` is what errors call the file. Throws InputError on
// what is no text ("NAME: is a Git LFS pointer ..."), on damaged gzip, and "NAME:LINE: ..." where
// the text is not UTF-8.
std::string_view read_text(std::string_view bytes, std::string& unpacked, std::string_view name);

// The lines of a text one by one, without "\n" or "\r\n"; line breaks at its end are no lines.
class Lines {
 public:
  explicit Lines(std::string_view text);
  bool next(std::string_view& line);
  int number() const { return number_; }  // 1-based, of the line given last

 private:
  std::string_view rest_;
  int number_ = 0;
  bool done_ = false;
};

}  // namespace runner::data
