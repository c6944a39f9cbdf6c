#include "slurm/array.hpp"

#include <fmt/format.h>

#include <cmath>

#include "io/csv.hpp"
#include "io/error.hpp"

namespace runner::slurm {

int whole_number(std::string_view text, std::string_view what) {
  double value = 0.0;
  if (!io::parse_number(text, value) || value < 0 || value > 1e6 || value != std::floor(value)) {
    throw InputError(fmt::format("{}: '{}' is not a whole number", what, text));
  }
  return static_cast<int>(value);
}

std::optional<Place> place_in_array(const std::function<std::string(const char*)>& variable) {
  const auto number = [&](const char* name, int otherwise) {
    const std::string text = variable(name);
    return text.empty() ? otherwise : whole_number(text, name);
  };
  const int task = number("SLURM_ARRAY_TASK_ID", -1);
  const int count = number("SLURM_ARRAY_TASK_COUNT", -1);
  if (task < 0 || count < 0) return std::nullopt;
  const int first = number("SLURM_ARRAY_TASK_MIN", 0);
  const int last = number("SLURM_ARRAY_TASK_MAX", first + count - 1);
  // Two tasks are always evenly spaced.
  const int step = count > 1 ? (last - first) / (count - 1) : 1;
  const bool even = step > 0 && first + step * (count - 1) == last && (task - first) % step == 0 &&
                    (count <= 2 || step == number("SLURM_ARRAY_TASK_STEP", step));
  if (!even || task < first || task > last) {
    throw InputError(fmt::format(
        "SLURM_ARRAY_TASK_ID: the array's {} tasks from {} to {} have holes between them, so that "
        "the place of task {} among them is not known; number them without holes (--array=0-{}), "
        "or name this task's share with --shard I/N",
        count, first, last, task, count - 1));
  }
  return Place{(task - first) / step, count};
}

}  // namespace runner::slurm
