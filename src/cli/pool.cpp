#include "cli/pool.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "cli/engine.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "model/config.hpp"
#include "model/layout.hpp"

namespace runner::cli {
namespace {

// The largest value that a setting of the recipe can take in any trial.
double largest(const spec::Spec& spec, std::string_view name, double recipe) {
  for (const bo::Variable& variable : spec.search) {
    if (variable.name != name) continue;
    if (variable.type != bo::Type::choice) return std::max(recipe, variable.high);
    for (const std::string& text : variable.values) {
      double value = 0.0;
      if (io::parse_number(text, value)) recipe = std::max(recipe, value);
    }
  }
  return recipe;
}

}  // namespace

double cell_bytes(const spec::Spec& spec) {
  // Bytes a parameter: weights, gradient, two moments and rounded weights while it trains; a
  // mixture and the weights of two precisions while it fuses.
  constexpr double kTraining = 18.0, kFusing = 10.0;
  const model::EncoderConfig config = model::read_config(spec.model);
  double bytes = 0.0;
  for (const spec::TaskEntry& task : spec.tasks) {
    const train::Options& recipe = task.recipe.train;
    const double tokens = largest(spec, "batch_size", recipe.batch_size) *
                          largest(spec, "max_length", recipe.max_length);
    const double snapshots = largest(spec, "snapshots", recipe.snapshots);
    const auto weights = static_cast<double>(model::make_layout(config, task.task.classes()).size);
    const double activations = 64.0 * config.hidden_size * config.layers * tokens;
    bytes = std::max({bytes, kTraining * weights + activations,
                      (kFusing + 4.0 * snapshots) * weights + activations});
  }
  return bytes;
}

experiment::Pool pool_of(const spec::Spec& spec, const std::vector<experiment::Cell>& cells,
                         int runs) {
  if (spec.threads > 0 && spec.workers > 0) return {spec.workers, spec.threads};
  const int cores = engine().auto_threads();
  if (spec.workers > 0) return {spec.workers, std::max(1, cores / spec.workers)};
  if (const auto devices = engine().resolve_devices(spec.device); !devices.front().is_cpu()) {
    const int workers = spec.trials_per_device * static_cast<int>(devices.size());
    return {workers, spec.threads > 0 ? spec.threads : std::max(1, cores / workers)};
  }
  std::set<std::pair<const spec::TaskEntry*, std::uint64_t>> groups;  // that share training runs
  for (const experiment::Cell& cell : cells) groups.emplace(cell.task, cell.seed);
  const int beside = spec.outer.parallel;  // trials of each at once, which share nothing
  constexpr double kUsableMemory = 0.75;
  const double most = kUsableMemory * engine().auto_memory() / cell_bytes(spec);
  experiment::Pool pool =
      experiment::choose_pool(std::max(1, cores / std::max(1, spec.threads)),
                              runs > 0 ? runs : beside * static_cast<int>(cells.size()),
                              runs > 0 ? runs : beside * static_cast<int>(groups.size()),
                              static_cast<int>(std::clamp(most, 1.0, 1e6)));
  if (spec.threads > 0) pool.threads = spec.threads;
  return pool;
}

void require_address_space(const spec::Spec& spec, const experiment::Pool& pool) {
  constexpr double kProgram = 1e9;  // with LibTorch for CPUs; 0.84e9 were seen
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  const double needed = kProgram + pool.workers * cell_bytes(spec);
  if (static_cast<double>(limit.rlim_cur) >= needed) return;
  throw InputError(
      fmt::format("a process may take {} of address space here (ulimit -v), and this run up to {} "
                  "with {} cell{} at once: raise the limit, or set workers: to fewer",
                  io::size_text(static_cast<double>(limit.rlim_cur)), io::size_text(needed),
                  pool.workers, pool.workers == 1 ? "" : "s"));
}

}  // namespace runner::cli
