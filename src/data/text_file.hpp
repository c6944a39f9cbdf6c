#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace runner::data {

// The text in a data file's bytes, without its byte-order mark: they themselves, or what gzip
// packed (then it lies in `unpacked`). `name` is what errors call the file. Throws InputError on
// what is no text ("NAME is a Git LFS pointer ..."), on damaged gzip, and "NAME:LINE: ..." where
// the text is not UTF-8.
std::string_view read_text(std::string_view bytes, std::string& unpacked, std::string_view name);

// The parts of it, for bytes that come one after another. Each throws InputError as read_text does.

inline bool is_gzip(std::string_view begin) { return begin.starts_with("\x1F\x8B"); }

// Unpacks one file.
class Gunzip {
 public:
  explicit Gunzip(std::string_view name);
  ~Gunzip();
  void add(std::string_view bytes, std::string& text);  // appends what they hold
  void finish() const;                                  // after the last of them

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A text's begin without its byte-order mark.
std::string_view take_mark(std::string_view begin, std::string_view name);

// Whole lines, the first of this number.
void check_utf8(std::string_view text, std::string_view name, int first_line = 1);

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
