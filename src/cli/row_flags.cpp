#include "cli/row_flags.hpp"

#include <fmt/format.h>

#include <boost/program_options/value_semantic.hpp>
#include <charconv>

#include "io/csv.hpp"
#include "io/error.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

using Format = data::SplitFile::Format;

Format format_of(const CommandLine& line, const fs::path& file) {
  std::string text = "jsonl";
  if (line.has("input")) {
    text = line.get<std::string>("input");
  } else if (!file.empty()) {
    fs::path name = file;
    if (name.extension() == ".gz") name.replace_extension();
    text = name.extension() == ".json" ? "jsonl" : name.extension().string();
    if (text.starts_with('.')) text.erase(0, 1);
  }
  if (text == "tsv") return Format::tsv;
  if (text == "csv") return Format::csv;
  if (text == "jsonl") return Format::jsonl;
  throw InputError(line.has("input")
                       ? fmt::format("command line: --input {}: known are tsv, csv, jsonl", text)
                       : fmt::format("{}: what it holds cannot be told by its name; say --input "
                                     "tsv, csv or jsonl",
                                     file.string()));
}

}  // namespace

void add_row_flags(po::options_description& flags) {
  flags.add_options()("columns", po::value<std::string>()->value_name("A[,B]"),
                      "the text or the two texts of a row: names in the header, fields of JSON, or "
                      "0-based numbers (-1: the last)")(
      "input", po::value<std::string>()->value_name("tsv|csv|jsonl"),
      "what the rows are; by the file's name, on standard input jsonl. Without --columns JSON is "
      "{\"text\": [a]} or {\"text\": [a, b]}")("no-header",
                                               "the first line of a table is a row, too")(
      "quoting", "fields of a TSV may stand in quotes, as those of a CSV");
}

std::optional<int> column_number(std::string_view text) {
  int column = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, column);
  if (error != std::errc() || at != end || column < -1) return std::nullopt;
  return column;
}

data::SplitFile row_format(const CommandLine& line, const fs::path& file) {
  data::SplitFile split;
  split.format = format_of(line, file);
  const bool table = split.format != Format::jsonl;
  split.header = !line.has("no-header");
  split.quoting = split.format == Format::csv || line.has("quoting");
  if (!table && (line.has("no-header") || line.has("quoting"))) {
    throw InputError("command line: --no-header and --quoting are for tables, not for JSON");
  }
  if (!line.has("columns")) {
    if (!table) return split;
    throw InputError(
        "command line: --columns A or --columns A,B is needed: which columns hold the text");
  }
  const auto text = line.get<std::string>("columns");
  const std::vector<std::string> names =
      io::parse_csv(text, "command line: --columns").at(0).fields;
  if (names.size() > 2) {
    throw InputError(fmt::format("command line: --columns {}: one text or a pair", text));
  }
  for (const std::string& name : names) {
    if (const auto column = table ? column_number(name) : std::nullopt) {
      split.text_columns.push_back(*column);
    } else {
      split.text_fields.push_back(name);
    }
  }
  if (!split.text_columns.empty() && !split.text_fields.empty()) {
    throw InputError(
        fmt::format("command line: --columns {}: by number or by name, not both", text));
  }
  return split;
}

}  // namespace runner::cli
