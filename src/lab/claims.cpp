#include "lab/claims.hpp"

#include <fmt/format.h>

#include "io/checked.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"

namespace runner::lab {
namespace fs = std::filesystem;
using json = io::Json;

fs::path Claims::path(const std::string& task, int max_length) const {
  return run_ / "inputs" / fmt::format("{}_{}.json", task, max_length);
}

std::optional<Inputs> Claims::read(const std::string& task, int max_length) const {
  const fs::path file = path(task, max_length);
  if (!fs::exists(file)) return std::nullopt;
  const std::string bytes = io::read_file(file);
  const std::string_view record = io::checked_record(bytes);
  if (record.empty()) {
    tell_(
        fmt::format("{}: was changed after it was written (its checksum differs); it is made again",
                    file.string()));
    return std::nullopt;
  }
  try {
    const json value = io::parse_json(record, file.string());
    return Inputs{value.at("data"), value.at("model")};
  } catch (const json::exception& error) {
    throw InputError(fmt::format("{}: {}", file.string(), error.what()));
  }
}

void Claims::claim(const std::string& task, int max_length, const Inputs& now) const {
  const fs::path file = path(task, max_length);
  const std::optional<Inputs> claimed = read(task, max_length);
  if (!claimed) {
    const json value = {{"format", 1}, {"data", now.data}, {"model", now.model}};
    io::write_file_atomic(file, io::checked_line(value.dump()));
  } else if (*claimed != now) {
    throw InputError(fmt::format(
        "{}: the data of {} or the model's weights are not those that this run was begun with; "
        "bring them back, or give the run another name (name=...)",
        file.string(), task));
  }
}

}  // namespace runner::lab
