#include "report/rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>
#include <string>

#include "experiment/outer.hpp"
#include "io/file.hpp"
#include "spec/variables.hpp"

namespace runner::report {
namespace {

using experiment::InnerRecord;
using experiment::Proposal;
using experiment::TrialRecord;
using Row = std::vector<std::string>;

template <typename Integer>
std::string whole(Integer value) {
  return fmt::format("{}", value);
}

std::string joined(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) {
    if (!text.empty()) text += ' ';
    text += exact(value);
  }
  return text;
}

void append(Row& row, Row more) { std::ranges::move(more, std::back_inserter(row)); }

// The columns that say where a row belongs.
const Row kPlace = {"task", "method", "seed", "trial"};

Row place(const TrialRecord& trial) {
  return {trial.task, trial.method, whole(trial.seed), whole(trial.trial)};
}

Row place(const experiment::Cell& cell, int trial) {
  return {cell.task->task.name, cell.method->name, whole(cell.seed), whole(trial)};
}

const Row kChoice = {"source", "acquisition_value", "predicted_mean", "predicted_stddev"};

// A fit predicts; a start design does not, and its zeros mean nothing.
Row choice(const Proposal& proposal) {
  const bool fitted = !proposal.fit.lengthscales.empty();
  const auto predicted = [fitted](double value) { return fitted ? exact(value) : std::string(); };
  return {proposal.source, predicted(proposal.acquisition_value), predicted(proposal.mean),
          predicted(proposal.stddev)};
}

// One row of a curve after the columns that name the run.
Row curve_row(const experiment::StepRecord& point) {
  return {whole(point.step), exact(point.loss), exact(point.learning_rate), exact(point.grad_norm)};
}

// The names of all metrics that the trials report, in the order of their first appearance.
Row metric_names(const std::vector<CellData>& cells) {
  Row names;
  for (const CellData& data : cells) {
    for (const TrialRecord& trial : data.history.trials) {
      for (const auto& [name, value] : trial.evaluation.report.values) {
        if (std::ranges::find(names, name) == names.end()) names.push_back(name);
      }
    }
  }
  return names;
}

Row score_columns(const std::string& split, const Row& metrics) {
  Row columns = {split + "_loss", split + "_score"};
  for (const std::string& metric : metrics) columns.push_back(fmt::format("{}_{}", split, metric));
  return columns;
}

Row score_fields(const TrialRecord& trial, const data::Scores& scores, double loss,
                 const Row& metrics) {
  const double none = experiment::kUnknown;
  Row fields = {exact(trial.has_result() ? loss : none),
                exact(trial.has_result() ? scores.score : none)};
  for (const std::string& metric : metrics) {
    const auto found =
        std::ranges::find(scores.values, metric, &std::pair<std::string, double>::first);
    fields.push_back(exact(found == scores.values.end() ? none : found->second));
  }
  return fields;
}

// Is trial i the best of its cell so far? The last incumbent is the one that the cell reports.
bool is_incumbent(const std::vector<TrialRecord>& trials, std::size_t i) {
  return experiment::is_incumbent(trials[i], std::span(trials).first(i));
}

}  // namespace

std::string run_name(const TrialRecord& trial) {
  if (trial.curve.empty()) return "";
  std::string content = fmt::format("{} {}", trial.task, trial.run_seed);
  for (const experiment::StepRecord& point : trial.curve) {
    for (const std::string& field : curve_row(point)) content += ' ' + field;
  }
  return io::content_hash(content).substr(0, 12);
}

Table trials_csv(const spec::Spec& spec, const std::vector<CellData>& cells) {
  const Row metrics = metric_names(cells);
  Table table;
  table.columns = kPlace;
  append(table.columns, {"run", "run_seed", "status"});
  // Snapshots are a setting and a count of what a run left.
  for (const bo::Variable& variable : spec.search) {
    table.columns.push_back(variable.name == "snapshots" ? "searched_snapshots" : variable.name);
  }
  append(table.columns, {"incumbent", "objective", "train_loss", "fusion_loss"});
  append(table.columns, {"selection_split"});
  append(table.columns, score_columns("selection", metrics));
  append(table.columns, {"report_split"});
  append(table.columns, score_columns("report", metrics));
  append(table.columns, {"degenerate", "examples", "tokens", "flops", "cell_examples", "cell_flops",
                         "inner_evaluations", "snapshots", "alpha", "rung_scores"});
  append(table.columns, kChoice);
  append(table.columns, {"max_train_rows", "max_dev_rows", "why"});
  for (const CellData& data : cells) {
    std::int64_t cell_examples = 0;
    double cell_flops = 0.0;
    for (std::size_t i = 0; i < data.history.trials.size(); ++i) {
      const TrialRecord& trial = data.history.trials[i];
      const spec::Trial settings = experiment::settings(data.cell, trial);
      cell_examples += trial.budget.examples;
      cell_flops += trial.budget.flops;
      Row row = place(trial);
      append(row, {run_name(trial), whole(trial.run_seed),
                   std::string(train::status_name(trial.status))});
      const std::vector<bool> exists = experiment::existing(data.cell, trial);
      for (std::size_t v = 0; v < spec.search.size(); ++v) {
        const spec::VariableRow& variable = *spec::find_variable(spec.search[v].name);
        const bool absent = !exists.empty() && !exists[v];
        row.push_back(absent ? "" : variable.written(variable.get(settings)));
      }
      append(row, {whole(is_incumbent(data.history.trials, i) ? 1 : 0), exact(trial.objective),
                   exact(trial.train_loss), exact(trial.fusion_loss)});
      append(row, {selection_split(spec)});
      append(row, score_fields(trial, trial.evaluation.selection, trial.evaluation.selection_loss,
                               metrics));
      append(row, {report_split(spec)});
      append(row,
             score_fields(trial, trial.evaluation.report, trial.evaluation.report_loss, metrics));
      append(row,
             {whole(trial.evaluation.selection.degenerate ? 1 : 0), whole(trial.budget.examples),
              whole(trial.budget.tokens), exact(trial.budget.flops), whole(cell_examples),
              exact(cell_flops), whole(trial.inner_evaluations), whole(trial.snapshots),
              joined(trial.alpha), joined(trial.rung_scores)});
      append(row, choice(trial.proposal));
      append(row, {row_cap(spec.max_train_rows), row_cap(spec.max_dev_rows), trial.why});
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

Table fusion_csv(const std::vector<CellData>& cells) {
  Table table;
  table.columns = kPlace;
  append(table.columns,
         {"evaluation", "loss", "selection_loss", "selection_score", "rows", "incumbent"});
  append(table.columns, kChoice);
  append(table.columns, {"examples", "flops", "alpha"});
  for (const CellData& data : cells) {
    int trial = -1;
    int evaluation = 0;
    for (const InnerRecord& point : data.history.inner) {
      evaluation = point.trial == trial ? evaluation + 1 : 0;
      trial = point.trial;
      Row row = place(data.cell, trial);
      append(row,
             {whole(evaluation), exact(point.loss), exact(point.selection_loss),
              exact(point.selection_score), whole(point.rows), whole(point.incumbent ? 1 : 0)});
      append(row, choice(point.proposal));
      append(row, {whole(point.examples), exact(point.flops), joined(point.alpha)});
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

Table curves_csv(const std::vector<CellData>& cells) {
  Table table;
  table.columns = {"run"};
  append(table.columns, kPlace);
  append(table.columns, {"step", "loss", "learning_rate", "grad_norm"});
  std::set<std::string> shown;
  for (const CellData& data : cells) {
    for (const TrialRecord& trial : data.history.trials) {
      const std::string run = run_name(trial);
      if (!shown.insert(run).second) continue;
      for (const experiment::StepRecord& point : trial.curve) {
        Row row = {run};
        append(row, place(trial));
        append(row, curve_row(point));
        table.rows.push_back(std::move(row));
      }
    }
  }
  return table;
}

Table diagnostics_csv(const std::vector<CellData>& cells) {
  Table table;
  table.columns = kPlace;
  append(table.columns, {"loop", "evaluation", "lengthscales", "output_scale", "noise", "mean",
                         "log_posterior", "warped", "fit_evaluations", "loo_z", "fallback"});
  const auto add = [&table](Row row, const char* loop, int evaluation, const bo::Fit& fit) {
    if (fit.lengthscales.empty() && fit.fallback.empty()) return;  // no fit was made
    append(row,
           {loop, whole(evaluation), joined(fit.lengthscales), exact(fit.outputscale),
            exact(fit.noise), exact(fit.mean), exact(fit.log_posterior), whole(fit.warped ? 1 : 0),
            whole(fit.evaluations), joined(fit.loo_z), fit.fallback});
    table.rows.push_back(std::move(row));
  };
  for (const CellData& data : cells) {
    for (const TrialRecord& trial : data.history.trials) {
      add(place(trial), "outer", trial.trial, trial.proposal.fit);
      int evaluation = 0;
      for (const InnerRecord& point : data.history.inner_of(trial.trial)) {
        add(place(trial), "inner", evaluation++, point.proposal.fit);
      }
    }
  }
  return table;
}

Table timings_csv(const std::vector<CellData>& cells) {
  Table table;
  table.columns = kPlace;
  append(table.columns,
         {"train_seconds", "fusion_seconds", "evaluate_seconds", "seconds",
          "tokens_per_train_second", "flops_per_second", "cell_seconds", "incumbent_report_score"});
  for (const CellData& data : cells) {
    double cell_seconds = 0.0;
    double incumbent = experiment::kUnknown;
    for (std::size_t i = 0; i < data.history.trials.size(); ++i) {
      const TrialRecord& trial = data.history.trials[i];
      const experiment::Budget& budget = trial.budget;
      const double seconds = experiment::amount_of(budget, spec::BudgetUnit::seconds);
      cell_seconds += seconds;
      if (is_incumbent(data.history.trials, i)) incumbent = trial.evaluation.report.score;
      const auto rate = [](double amount, double time) {
        return time > 0.0 ? amount / time : experiment::kUnknown;
      };
      Row row = place(trial);
      append(row, {exact(budget.train_seconds), exact(budget.fusion_seconds),
                   exact(budget.evaluate_seconds), exact(seconds),
                   exact(rate(static_cast<double>(budget.tokens), budget.train_seconds)),
                   exact(rate(budget.flops, seconds)), exact(cell_seconds), exact(incumbent)});
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

}  // namespace runner::report
