#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace runner::report {

// Text in rows and columns, ready to be written in any of the forms below. All cells are final:
// numbers were made text by io::number or rounded(), neither of which knows a locale.
struct Table {
  std::string caption;  // what is shown, on which split, over how many seeds, under which row caps
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  // each as long as `columns`
  int text_columns = 1;                        // the first ones are left-aligned, the rest right
  std::string signature;  // what another table must agree in to be comparable; may be empty
};

// Without the caption, whose facts are columns there, and the signature.
std::string to_csv(const Table& table);
std::string to_markdown(const Table& table);
std::string to_latex(const Table& table);  // a `table` environment with booktabs rules
std::string to_text(const Table& table);   // aligned for a terminal, the caption broken into lines
// Terminal columns that its rows take there.
std::size_t text_width(const Table& table);

// For people: that many decimals, "–" for NaN.
std::string rounded(double value, int decimals);
// For programs: every digit, empty for NaN.
std::string exact(double value);

}  // namespace runner::report
