#include "io/csv.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "io/error.hpp"

namespace runner::io {

std::string csv_row(const std::vector<std::string>& fields) {
  std::string row;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) row += ',';
    const std::string& field = fields[i];
    if (field.find_first_of(",\"\r\n") == std::string::npos) {
      row += field;
      continue;
    }
    row += '"';
    for (const char c : field) {
      if (c == '"') row += '"';
      row += c;
    }
    row += '"';
  }
  row += '\n';
  return row;
}

std::vector<CsvRecord> parse_csv(std::string_view text, std::string_view name) {
  std::vector<CsvRecord> records;
  std::size_t at = 0;
  int line = 1;
  if (text.starts_with("\xEF\xBB\xBF")) at = 3;
  while (at < text.size()) {
    CsvRecord record{line, {}};
    bool more = true;
    while (more) {
      std::string field;
      if (at < text.size() && text[at] == '"') {
        ++at;
        for (;;) {
          if (at == text.size()) {
            throw InputError(
                fmt::format("{}:{}: a quoted field is never closed", name, record.line));
          }
          if (text[at] == '"' && at + 1 < text.size() && text[at + 1] == '"') {
            field += '"';
            at += 2;
          } else if (text[at] == '"') {
            ++at;
            break;
          } else {
            if (text[at] == '\n') ++line;
            field += text[at++];
          }
        }
        if (at < text.size() && text[at] != ',' && text[at] != '\n' && text[at] != '\r') {
          throw InputError(fmt::format("{}:{}: text after a closing quote", name, line));
        }
      } else {
        while (at < text.size() && text[at] != ',' && text[at] != '\n') field += text[at++];
        if (!field.empty() && field.back() == '\r' && (at == text.size() || text[at] == '\n')) {
          field.pop_back();
        }
      }
      if (at < text.size() && text[at] == '\r') ++at;
      record.fields.push_back(std::move(field));
      more = at < text.size() && text[at] == ',';
      if (at < text.size()) ++at;  // the comma or the line break
    }
    ++line;
    if (record.fields.size() > 1 || !record.fields[0].empty()) records.push_back(std::move(record));
  }
  return records;
}

std::string number(double value) {
  if (std::isnan(value)) return "nan";  // fmt would print the sign of a NaN
  return fmt::format("{}", value);
}

bool parse_number(std::string_view text, double& value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace runner::io
