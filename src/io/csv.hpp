#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace runner::io {

// RFC 4180 with '\n' line ends: a field that holds a comma, a quote or a line break is quoted.
std::string csv_row(const std::vector<std::string>& fields);  // ends with '\n'

// One parsed record and the 1-based line it starts on.
struct CsvRecord {
  int line;
  std::vector<std::string> fields;
};

// Kept, they are records of one empty field, but for those at the text's end.
enum class BlankLines { skip, keep };

// All records of a text. `name` is what errors call it. Accepts a byte order mark, "\r\n" and "\r",
// and a missing last line break. Throws InputError (name:line) on an open quote or text after a
// quote. `first_line` is the number of the text's first line.
std::vector<CsvRecord> parse_csv(std::string_view text, std::string_view name, char separator = ',',
                                 BlankLines blank = BlankLines::skip, int first_line = 1);

// Whether a record that comes line by line, each with its line break, goes on in the next one: a
// field in quotes holds the break.
class OpenQuote {
 public:
  explicit OpenQuote(char separator) : separator_(separator) {}
  bool after(std::string_view line);  // a record's lines in order

 private:
  char separator_;
  enum class In { field_start, field, quotes } in_ = In::field_start;
};

// What separates the fields of a text's first line: a tab or a semicolon where it has one and no
// comma outside quotes, as spreadsheets write where the comma is the decimal point; else a comma.
char find_separator(std::string_view text);

// The shortest decimal that reads back as the same double, never depending on the locale;
// "nan" for NaN, "inf" and "-inf" for infinities.
std::string number(double value);

// The whole of `text` as a double, never depending on the locale ("1e-5", "nan", "inf" included);
// what no double holds is infinite or 0 ("4e400", "1e-400"). False when it is anything else, so
// that the caller can name the place.
bool parse_number(std::string_view text, double& value);

}  // namespace runner::io
