#include "report/study.hpp"

#include <fmt/format.h>

#include <cstddef>

#include "experiment/run.hpp"
#include "report/resample.hpp"
#include "report/signature.hpp"

namespace runner::report {
namespace {

constexpr int kResamples = 1000;

std::vector<TaskPredictions> predictions_of(const spec::Spec& spec,
                                            const std::vector<CellData>& cells) {
  std::vector<TaskPredictions> tasks;
  for (const spec::TaskEntry& entry : spec.tasks)
    tasks.push_back({.task = &entry.task, .models = {}});
  if (spec.comparisons.empty() && !spec.primary) return tasks;
  for (const CellData& data : cells) {
    if (data.predictions().empty()) continue;
    const auto task = static_cast<std::size_t>(data.cell.task - spec.tasks.data());
    const auto method = static_cast<std::size_t>(data.cell.method - spec.methods.data());
    tasks[task].models[{method, data.cell.seed}] = &data.predictions();
  }
  return tasks;
}

}  // namespace

Study::Study(const spec::Spec& spec)
    : cells_(read_cells(spec)),
      scores_(spec, cells_),
      comparisons_(compare(spec, scores_, Resampled(predictions_of(spec, cells_), kResamples))),
      signature_(signature(spec)),
      all_{spec, cells_, scores_, comparisons_, signature_} {}

std::vector<std::string> Study::missing() const {
  std::vector<std::string> names;
  for (const CellData& data : cells_) {
    if (data.complete) continue;
    names.push_back(fmt::format("{}: {}", experiment::cell_name(data.cell),
                                experiment::stand_of(data.cell, data.history)));
    if (!data.problem.empty()) names.back() += "; " + data.problem;
  }
  return names;
}

}  // namespace runner::report
