#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>

#include "experiment/run.hpp"
#include "io/error.hpp"

namespace runner::experiment {
namespace {

bool matches(const std::string& only, const std::string& name) {
  if (only.find_first_of("*?[") == std::string::npos) return name.find(only) != std::string::npos;
  return ::fnmatch(only.c_str(), name.c_str(), 0) == 0;
}

}  // namespace

std::vector<Cell> chosen_cells(const spec::Spec& spec, const RunOptions& options) {
  const auto refuse = [&](const std::string& what) {
    constexpr std::size_t kShown = 20;
    const std::vector<Cell> all = list_cells(spec);
    std::vector<std::string> names;
    for (const Cell& cell : all) {
      if (names.size() < kShown) names.push_back(cell_name(cell));
    }
    throw InputError(fmt::format("{}; the cells are\n  {}{}", what, fmt::join(names, "\n  "),
                                 all.size() > kShown ? "\n  ..." : ""));
  };
  const auto other = [&](const Cell& cell) { return !matches(options.only, cell_name(cell)); };
  if (std::ranges::all_of(list_cells(spec), other)) {  // a share may have none that match
    refuse(fmt::format("--only: no cell matches '{}'", options.only));
  }
  std::vector<Cell> cells = cells_of_shard(spec, options.shard, options.shards);
  std::erase_if(cells, other);
  for (const std::string& name : options.cells) {
    if (std::ranges::find(cells, name, cell_name) == cells.end()) {
      refuse(fmt::format("--cells: there is no cell '{}'", name));
    }
  }
  if (!options.cells.empty()) {
    std::erase_if(cells, [&](const Cell& cell) {
      return std::ranges::find(options.cells, cell_name(cell)) == options.cells.end();
    });
  }
  sort_for_work(cells);
  return cells;
}

}  // namespace runner::experiment
