#include "spec/published.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/tasks.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"
#include "io/file.hpp"

namespace runner::spec {

std::vector<PublishedRow> read_published(const std::filesystem::path& path, const Spec& spec,
                                         const Place& place, Problems& problems) {
  std::vector<io::CsvRecord> records;
  try {
    records = io::parse_csv(io::read_file(path), path.string());
  } catch (const InputError& error) {
    problems.add(place, fmt::format("published: {}", error.what()));
    return {};
  }
  if (records.empty()) {
    problems.add(place, fmt::format("published: {}: the file is empty", path.string()));
    return {};
  }
  const auto add = [&](const io::CsvRecord& record, const std::string& message) {
    problems.add(place, fmt::format("published: {}:{}: {}", path.string(), record.line, message));
  };
  std::vector<std::string_view> known = {"method", "average", "source"};
  for (const TaskEntry& entry : spec.tasks) known.push_back(entry.task.name);
  for (const data::Task& task : data::glue_tasks()) known.push_back(task.name);
  const std::vector<std::string>& columns = records.front().fields;
  for (const std::string& column : columns) {
    if (std::ranges::find(known, column) == known.end()) {
      add(records.front(), unknown("column", column, known));
    }
  }
  if (std::ranges::count(columns, "method") != 1) {
    add(records.front(), "one column must be 'method'");
    return {};
  }
  std::vector<PublishedRow> rows;
  for (auto record = records.begin() + 1; record != records.end(); ++record) {
    if (record->fields.size() != columns.size()) {
      add(*record, fmt::format("{} fields, where the first line has {}", record->fields.size(),
                               columns.size()));
      continue;
    }
    PublishedRow& row = rows.emplace_back();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::string& field = record->fields[i];
      double score = 0.0;
      if (columns[i] == "method") {
        row.method = field;
      } else if (columns[i] == "source") {
        row.source = field;
      } else if (io::parse_number(field, score) && std::abs(score) <= 100.0) {
        row.scores.emplace_back(columns[i], score);
      } else if (!field.empty()) {
        add(*record, fmt::format("{}: '{}' is no score from -100 to 100", columns[i], field));
      }
    }
    if (row.method.empty()) add(*record, "the method has no name");
  }
  return rows;
}

}  // namespace runner::spec
