#include "io/csv.hpp"

#include <fmt/format.h>

#include <charconv>
#include <clocale>
#include <cmath>
#include <cstdlib>

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

namespace {

bool is_blank(const CsvRecord& record) {
  return record.fields.size() == 1 && record.fields[0].empty();
}

}  // namespace

std::vector<CsvRecord> parse_csv(std::string_view text, std::string_view name, char separator,
                                 BlankLines blank, int first_line) {
  std::vector<CsvRecord> records;
  const auto ends_field = [&](char c) { return c == separator || c == '\n' || c == '\r'; };
  std::size_t at = 0;
  int line = first_line;
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
        if (at < text.size() && !ends_field(text[at])) {
          throw InputError(fmt::format(
              "{}:{}: text after a closing quote; within quotes a quote is written twice, \"\"",
              name, line));
        }
      } else {
        while (at < text.size() && !ends_field(text[at])) field += text[at++];
      }
      record.fields.push_back(std::move(field));
      more = at < text.size() && text[at] == separator;
      if (text.substr(at).starts_with("\r\n")) ++at;
      if (at < text.size()) ++at;  // the separator or the line break
    }
    ++line;
    if (blank == BlankLines::keep || !is_blank(record)) records.push_back(std::move(record));
  }
  while (!records.empty() && is_blank(records.back())) records.pop_back();
  return records;
}

bool OpenQuote::after(std::string_view line) {
  for (const char c : line) {
    if (in_ == In::quotes) {
      // The second of two quotes opens them again, as far as this can be told by a field's begin.
      if (c == '"') in_ = In::field_start;
    } else if (c == separator_ || c == '\n') {
      in_ = In::field_start;
    } else {
      in_ = c == '"' && in_ == In::field_start ? In::quotes : In::field;
    }
  }
  return in_ == In::quotes;
}

char find_separator(std::string_view text) {
  bool quoted = false;
  char found = ',';
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == ',') return ',';
    if (c == '\n' || c == '\r') break;
    if (found == ',' && (c == ';' || c == '\t')) found = c;
  }
  return found;
}

std::string number(double value) {
  if (std::isnan(value)) return "nan";  // fmt would print the sign of a NaN
  return fmt::format("{}", value);
}

bool parse_number(std::string_view text, double& value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (end != last || text.empty()) return false;
  if (error == std::errc::result_out_of_range) {  // which end of the range, from_chars leaves open
    static const locale_t kC = newlocale(LC_ALL_MASK, "C", nullptr);
    value = strtod_l(std::string(text).c_str(), nullptr, kC);
    return true;
  }
  return error == std::errc();
}

}  // namespace runner::io
