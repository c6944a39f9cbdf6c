#pragma once

#include <fmt/core.h>

#include <string_view>
#include <utility>

namespace runner::cli {

// The one way to standard output and standard error (tests/layering.cmake). What cannot be written
// throws nowhere: of standard error it is lost, of standard output finish_streams() makes it the
// program's failure.

// Before anything is opened or printed. A reader who went away is an error like any other, not a
// signal; a stream that the caller closed leads nowhere, instead of into the file that is opened
// next and would get its number.
void prepare_streams();

// Flushes both. The program's exit code: `code`, or kUsage where that is kDone but some of standard
// output could not be written, which it says.
int finish_streams(int code);

void write_out(std::string_view text);
// What was written can be read now. False when some of it was lost: nobody needs the rest.
bool flush_out();
void write_error(std::string_view text);

template <typename... T>
void print_out(fmt::format_string<T...> format, T&&... values) {
  write_out(fmt::format(format, std::forward<T>(values)...));
}

template <typename... T>
void print_error(fmt::format_string<T...> format, T&&... values) {
  write_error(fmt::format(format, std::forward<T>(values)...));
}

}  // namespace runner::cli
