#include "report/page_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "experiment/outer.hpp"
#include "io/csv.hpp"
#include "io/json.hpp"
#include "report/rows.hpp"
#include "report/statistics.hpp"

namespace runner::report {
namespace {

using experiment::InnerRecord;
using experiment::TrialRecord;
using json = io::Json;

constexpr double kPercent = 100.0;
constexpr std::size_t kCurvePoints = 40;  // of a learning curve: enough for its shape

// A row's first column: which of "cells" it belongs to.
std::size_t place(const std::vector<CellData>& cells, const CellData& data) {
  return static_cast<std::size_t>(&data - cells.data());
}

json cells_of(const std::vector<CellData>& cells) {
  json places = page_table({"task", "method", "seed"});
  for (const CellData& data : cells) {
    add_row(places, {data.cell.task->task.name, data.cell.method->name, data.cell.seed});
  }
  return places;
}

const TrialRecord* chosen(const CellData& data) {
  return data.chosen < 0 ? nullptr : &data.history.trials[static_cast<std::size_t>(data.chosen)];
}

json scores_of(const std::vector<CellData>& cells) {
  json scores = page_table({"cell", "report", "selection"});
  for (const CellData& data : cells) {
    if (std::isnan(data.score())) continue;
    add_row(scores, {place(cells, data), shown(data.score()), shown(data.selection_score())});
  }
  return scores;
}

// By method and number of trials, over the cells of all tasks and seeds: what they had spent, and
// the report score of what selection would have chosen by then.
json progress_of(const spec::Spec& spec, const std::vector<CellData>& cells) {
  struct Mark {
    std::vector<double> examples, flops, seconds, score;
  };
  std::map<std::pair<std::string, int>, Mark> marks;
  for (const CellData& data : cells) {
    double examples = 0.0, flops = 0.0, seconds = 0.0;
    const TrialRecord* best = nullptr;
    for (const TrialRecord& trial : data.history.trials) {
      examples += static_cast<double>(trial.budget.examples);
      flops += trial.budget.flops;
      seconds += experiment::amount_of(trial.budget, spec::BudgetUnit::seconds);
      if (trial.has_result() && (best == nullptr || trial.objective < best->objective)) {
        best = &trial;
      }
      if (!data.complete || best == nullptr) continue;
      Mark& mark = marks[{data.cell.method->name, trial.trial}];
      mark.examples.push_back(examples);
      mark.flops.push_back(flops);
      mark.seconds.push_back(seconds);
      mark.score.push_back(kPercent * best->evaluation.report.score);
    }
  }
  json progress = page_table({"method", "trial", "examples", "flops", "seconds", "score"});
  for (const spec::Method& method : spec.methods) {
    for (const auto& [key, mark] : marks) {
      if (key.first != method.name) continue;
      add_row(progress,
              {method.name, key.second + 1, shown(mean(mark.examples)), shown(mean(mark.flops)),
               shown(mean(mark.seconds)), shown(mean(mark.score))});
    }
  }
  return progress;
}

json variables_of(const spec::Spec& spec) {
  json variables = json::array();
  for (const bo::Variable& variable : spec.search) {
    const bool named = variable.type == bo::Type::choice;
    variables.push_back({{"name", variable.name},
                         {"scale", variable.log ? "log" : "linear"},
                         {"values", named ? json(variable.values) : json()}});
  }
  return variables;
}

// How far weights are from equal ones: 0 for the plain mean, 1 for a single snapshot.
double distance_from_mean(const std::vector<double>& alpha) {
  if (alpha.size() < 2) return NAN;
  const double even = 1.0 / static_cast<double>(alpha.size());
  double sum = 0.0;
  for (const double weight : alpha) sum += (weight - even) * (weight - even);
  return std::sqrt(sum / (1.0 - even));
}

// Where weights lie on the segment from the last snapshot alone, at 0, to the plain mean, at 1; NaN
// for those that do not.
double place_on_segment(const std::vector<double>& alpha) {
  constexpr double kRounding = 1e-9;
  if (alpha.size() < 2) return NAN;
  const auto differs = [&](double weight) { return std::abs(weight - alpha[0]) > kRounding; };
  if (std::any_of(alpha.begin() + 1, alpha.end() - 1, differs)) return NAN;
  if (alpha.back() < alpha[0] - kRounding) return NAN;  // beyond the mean
  return alpha[0] * static_cast<double>(alpha.size());
}

// Trials with the searched variables as x0, x1, ... in the spec's order.
json trials_of(const spec::Spec& spec, const std::vector<CellData>& cells) {
  json trials = page_table({"cell", "trial", "status", "proposed", "source", "selection", "report",
                            "loss", "distance", "chosen"});
  for (std::size_t i = 0; i < spec.search.size(); ++i) {
    trials["columns"].push_back(fmt::format("x{}", i));
  }
  for (const CellData& data : cells) {
    for (const TrialRecord& trial : data.history.trials) {
      const bool scored = trial.has_result();
      json row = {place(cells, data),
                  trial.trial + 1,
                  train::status_name(trial.status),
                  !scored                        ? "no result"
                  : trial.proposal.is_modelled() ? "model"
                                                 : "start",
                  trial.proposal.source,
                  shown(scored ? kPercent * trial.evaluation.selection.score : NAN),
                  shown(scored ? kPercent * trial.evaluation.report.score : NAN),
                  shown(trial.fusion_loss),
                  shown(distance_from_mean(trial.alpha), 4),
                  &trial == chosen(data) ? 1 : 0};
      const std::vector<bool> exists = experiment::existing(data.cell, trial);
      for (std::size_t i = 0; i < spec.search.size(); ++i) {
        const bo::Variable& variable = spec.search[i];
        if (i >= exists.size() || !exists[i]) {  // or the method searches nothing
          row.push_back(nullptr);
        } else if (variable.type == bo::Type::choice) {
          row.push_back(variable.values.at(static_cast<std::size_t>(trial.lambda[i].second)));
        } else {
          row.push_back(shown(trial.lambda[i].second));
        }
      }
      add_row(trials, std::move(row));
    }
  }
  return trials;
}

// The inner loops of the chosen trials.
json inner_of(const std::vector<CellData>& cells) {
  json inner = page_table(
      {"cell", "evaluation", "loss", "selection", "distance", "segment", "incumbent", "source"});
  for (const CellData& data : cells) {
    if (chosen(data) == nullptr) continue;
    int evaluation = 0;
    for (const InnerRecord& point : data.history.inner_of(data.chosen)) {
      add_row(inner,
              {place(cells, data), ++evaluation, shown(point.loss),
               shown(kPercent * point.selection_score), shown(distance_from_mean(point.alpha), 4),
               shown(place_on_segment(point.alpha), 4), point.incumbent ? 1 : 0,
               point.proposal.source});
    }
  }
  return inner;
}

json alphas_of(const std::vector<CellData>& cells) {
  json alphas = page_table({"cell", "snapshot", "weight"});
  for (const CellData& data : cells) {
    const TrialRecord* const trial = chosen(data);
    if (trial == nullptr || trial->alpha.size() < 2) continue;
    for (std::size_t k = 0; k < trial->alpha.size(); ++k) {
      add_row(alphas, {place(cells, data), k + 1, shown(trial->alpha[k], 4)});
    }
  }
  return alphas;
}

// Of the chosen trials; a run that several cells chose is drawn for the first of them.
json curves_of(const std::vector<CellData>& cells) {
  json curves = page_table({"cell", "step", "loss", "learning_rate", "grad_norm"});
  std::set<std::string> drawn;
  for (const CellData& data : cells) {
    const TrialRecord* const trial = chosen(data);
    if (trial == nullptr || trial->curve.empty()) continue;
    if (!drawn.insert(run_name(*trial)).second) continue;
    for (const experiment::StepRecord& point : experiment::thin(trial->curve, kCurvePoints)) {
      add_row(curves, {place(cells, data), point.step, shown(point.loss, 4),
                       shown(point.learning_rate, 4), shown(point.grad_norm, 4)});
    }
  }
  return curves;
}

json failures_of(const std::vector<CellData>& cells) {
  json failures = page_table({"cell", "trial", "status", "why"});
  for (const CellData& data : cells) {
    for (const TrialRecord& trial : data.history.trials) {
      if (trial.status == train::Status::ok) continue;
      add_row(failures,
              {place(cells, data), trial.trial + 1, train::status_name(trial.status), trial.why});
    }
  }
  return failures;
}

}  // namespace

json page_table(std::initializer_list<const char*> columns) {
  return {{"columns", columns}, {"rows", json::array()}};
}

void add_row(json& table, json row) { table["rows"].push_back(std::move(row)); }

json shown(double value, int digits) {
  double rounded = 0.0;
  if (!std::isfinite(value)) return {};
  if (!io::parse_number(fmt::format("{:.{}g}", value, digits), rounded)) return {};
  return rounded;
}

json page_rows(const spec::Spec& spec, const std::vector<CellData>& cells) {
  return {{"cells", cells_of(cells)},
          {"scores", scores_of(cells)},
          {"progress", progress_of(spec, cells)},
          {"variables", variables_of(spec)},
          {"trials", trials_of(spec, cells)},
          {"inner", inner_of(cells)},
          {"alphas", alphas_of(cells)},
          {"curves", curves_of(cells)},
          {"failures", failures_of(cells)}};
}

}  // namespace runner::report
