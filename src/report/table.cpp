#include "report/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "io/csv.hpp"

namespace runner::report {
namespace {

// Columns on a terminal: code points, of which every one used here is one wide.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string latex(std::string_view text) {
  std::string escaped;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    const char c = text[i];
    if (rest.starts_with("±")) {
      escaped += "$\\pm$";
      i += std::string_view("±").size() - 1;
    } else if (rest.starts_with("–")) {
      escaped += "--";
      i += std::string_view("–").size() - 1;
    } else if (c == '\\') {
      escaped += "\\textbackslash{}";
    } else if (c == '~' || c == '^') {
      escaped += fmt::format("\\{}{{}}", c);
    } else if (std::string_view("&%$#_{}").find(c) != std::string_view::npos) {
      escaped += '\\';
      escaped += c;
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string markdown(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|' || c == '\\' || c == '*' || c == '_' || c == '<' || c == '`') escaped += '\\';
    escaped += c == '\n' ? ' ' : c;
  }
  return escaped;
}

std::string joined(const std::vector<std::string>& row, std::string_view separator,
                   std::string (*escape)(std::string_view)) {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i > 0) line += separator;
    line += escape(row[i]);
  }
  return line;
}

// A paragraph as lines of at most kLineWidth, each ended.
std::string broken(std::string_view text) {
  constexpr std::size_t kLineWidth = 100;
  std::string lines;
  std::size_t column = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    if (column > 0 && column + 1 + width(word) > kLineWidth) {
      lines += '\n';
      column = 0;
    }
    if (column > 0) lines += ' ';
    column += (column > 0 ? 1 : 0) + width(word);
    lines += word;
    at = end + 1;
  }
  return lines + '\n';
}

constexpr std::string_view kGap = "  ";  // between two columns of a terminal's table

std::vector<std::size_t> widths_of(const Table& table) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    widths.push_back(width(table.columns[i]));
    for (const auto& row : table.rows) widths[i] = std::max(widths[i], width(row[i]));
  }
  return widths;
}

}  // namespace

std::string to_csv(const Table& table) {
  std::string text = io::csv_row(table.columns);
  for (const auto& row : table.rows) text += io::csv_row(row);
  return text;
}

std::string to_markdown(const Table& table) {
  std::string text = markdown(table.caption) + "\n\n";
  text += "| " + joined(table.columns, " | ", markdown) + " |\n|";
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    text += static_cast<int>(i) < table.text_columns ? " :-- |" : " --: |";
  }
  text += '\n';
  for (const auto& row : table.rows) text += "| " + joined(row, " | ", markdown) + " |\n";
  if (!table.signature.empty()) text += "\n" + markdown(table.signature) + "\n";
  return text;
}

std::string to_latex(const Table& table) {
  std::string alignment;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    alignment += static_cast<int>(i) < table.text_columns ? 'l' : 'r';
  }
  std::string text = fmt::format(
      "% needs \\usepackage{{booktabs}}\n\\begin{{table}}\n\\centering\n"
      "\\caption{{{}}}\n\\begin{{tabular}}{{{}}}\n\\toprule\n{} \\\\\n\\midrule\n",
      latex(table.caption), alignment, joined(table.columns, " & ", latex));
  for (const auto& row : table.rows) text += joined(row, " & ", latex) + " \\\\\n";
  text += "\\bottomrule\n\\end{tabular}\n";
  if (!table.signature.empty()) {
    text += "\\par\\footnotesize " + latex(table.signature) + "\n";
  }
  return text + "\\end{table}\n";
}

std::size_t text_width(const Table& table) {
  std::size_t sum = 0;
  for (const std::size_t width : widths_of(table)) sum += width + kGap.size();
  return sum - kGap.size();
}

std::string to_text(const Table& table) {
  const std::vector<std::size_t> widths = widths_of(table);
  const auto line = [&](const std::vector<std::string>& row) {
    std::string text;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width(row[i]), ' ');
      if (i > 0) text += kGap;
      text += static_cast<int>(i) < table.text_columns ? row[i] + padding : padding + row[i];
    }
    while (text.ends_with(' ')) text.pop_back();
    return text + '\n';
  };
  std::string text = broken(table.caption) + line(table.columns);
  for (const auto& row : table.rows) text += line(row);
  if (!table.signature.empty()) text += broken(table.signature);
  return text;
}

std::string rounded(double value, int decimals) {
  if (std::isnan(value)) return "–";
  const std::string text = fmt::format("{:.{}f}", value, decimals);
  const bool zero = text.find_first_not_of("-0.") == std::string::npos;
  return zero && text.starts_with('-') ? text.substr(1) : text;
}

std::string exact(double value) { return std::isnan(value) ? "" : io::number(value); }

}  // namespace runner::report
