#include "report/cells.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <limits>

#include "experiment/run.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"

namespace runner::report {

using experiment::TrialRecord;

namespace {

constexpr double kPercent = 100.0;

}  // namespace

double CellData::score() const {
  return of_chosen([](const TrialRecord& trial) { return trial.evaluation.report.score; });
}

double CellData::selection_score() const {
  return of_chosen([](const TrialRecord& trial) { return trial.evaluation.selection.score; });
}

double CellData::of_chosen(double (*score_of)(const TrialRecord&)) const {
  if (!complete || chosen < 0) return std::numeric_limits<double>::quiet_NaN();
  if (cell.method->search != spec::Search::confirm) {
    return kPercent * score_of(history.trials[static_cast<std::size_t>(chosen)]);
  }
  double sum = 0.0, count = 0.0;
  for (const TrialRecord& trial : history.trials) {
    if (!trial.has_result()) continue;
    sum += score_of(trial);
    count += 1.0;
  }
  return kPercent * sum / count;
}

const std::vector<experiment::Predictions>& CellData::predictions() const {
  static const std::vector<experiment::Predictions> kNone;
  if (!complete || chosen < 0 || cell.method->search == spec::Search::confirm) return kNone;
  return history.trials[static_cast<std::size_t>(chosen)].evaluation.predictions;
}

std::vector<CellData> read_cells(const spec::Spec& spec) {
  std::vector<CellData> cells;
  for (const experiment::Cell& cell : experiment::list_cells(spec)) {
    CellData data{.cell = cell, .history = {}, .problem = {}};
    try {
      data.history = experiment::read_history(cell);
      data.problem = data.history.damage;
    } catch (const InputError& error) {
      data.problem = error.what();
    }
    data.complete = experiment::is_complete(cell, data.history);
    data.chosen = experiment::best_trial(data.history.trials);
    cells.push_back(std::move(data));
  }
  return cells;
}

std::string selection_split(const spec::Spec& spec) {
  return spec.holdout > 0.0 ? "holdout:" + io::number(spec.holdout) : "dev";
}

std::string report_split(const spec::Spec& spec) {
  return spec.holdout > 0.0 ? "dev" : "dev (also selected on)";
}

std::string row_cap(int rows) { return rows > 0 ? fmt::format("{}", rows) : "all"; }

}  // namespace runner::report
