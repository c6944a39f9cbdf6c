#include "cli/scaling_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "cli/engine.hpp"
#include "cli/forecast_text.hpp"
#include "io/error.hpp"
#include "slurm/array.hpp"
#include "slurm/shares.hpp"

namespace runner::cli {
namespace {

// Of searches whose trials go `beside` at a time: each as so many that share it.
std::vector<slurm::Item> lanes(const std::vector<slurm::Item>& searches, int beside) {
  std::vector<slurm::Item> items;
  for (slurm::Item item : searches) {
    item.cost /= beside;
    items.insert(items.end(), static_cast<std::size_t>(beside), item);
  }
  return items;
}

// A time in FLOPs of one worker, as hours where its rate is known.
std::string time_of(double flops, double rate) {
  return rate > 0.0 ? fmt::format("{:.3g} h", flops / rate / 3600.0)
                    : fmt::format("{:.3g} FLOPs", flops);
}

}  // namespace

std::vector<int> worker_counts(const std::string& text) {
  std::vector<int> counts;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, ',');) {
    counts.push_back(slurm::whole_number(word, "--workers"));
    if (counts.back() < 1) throw InputError("--workers: at least 1");
  }
  if (counts.empty()) throw InputError("--workers: numbers as in 1,8,64");
  return counts;
}

std::string scaling_text(const spec::Spec& spec, const CommandLine& line,
                         const std::vector<int>& counts) {
  slurm::Work work = slurm::work_of(spec, *engine().make_pricing(spec));
  const std::size_t chains = work.cells.size();
  work.cells = lanes(work.cells, spec.outer.parallel);
  const auto [rate, source] = rate_of(spec, line, 1);
  const double all = slurm::makespan(work.runs, 1) + slurm::makespan(work.cells, 1);
  if (all == 0.0) return "# nothing is left to be done\n";
  std::string text = fmt::format(
      "# left: {} training runs that are known beforehand, then {} chains of searches and of what "
      "takes from them\n",
      work.runs.size(), chains);
  if (rate > 0.0) {
    text += fmt::format("# a worker makes {:.3g} FLOPs/s, {}\n", rate, source);
  }
  text += fmt::format("# {:>7}  {:>14}  {:>14}  {:>14}  {:>5}\n", "workers", "known runs",
                      "searches", "together", "idle");
  for (const int count : counts) {
    const double runs = slurm::makespan(work.runs, count);
    const double cells = slurm::makespan(work.cells, count);
    text += fmt::format("# {:>7}  {:>14}  {:>14}  {:>14}  {:>4.0f}%\n", count, time_of(runs, rate),
                        time_of(cells, rate), time_of(runs + cells, rate),
                        100.0 * (1.0 - all / (count * (runs + cells))));
  }
  const slurm::Item* const run = slurm::costliest(work.runs);
  const slurm::Item* const cell = slurm::costliest(work.cells);
  const double critical = (run == nullptr ? 0.0 : run->cost) + (cell == nullptr ? 0.0 : cell->cost);
  text += fmt::format("# never below {}: one after another {}{}{}\n", time_of(critical, rate),
                      run == nullptr ? "" : run->names.front(),
                      run == nullptr || cell == nullptr ? "" : ", then ",
                      cell == nullptr ? "" : cell->names.front());
  return text;
}

}  // namespace runner::cli
