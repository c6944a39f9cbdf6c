#include "report/model_card.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>

#include "experiment/cells.hpp"
#include "experiment/outer.hpp"
#include "io/csv.hpp"
#include "io/file.hpp"
#include "report/signature.hpp"
#include "spec/variables.hpp"

namespace runner::report {
namespace {

// A cell of a Markdown table.
std::string cell_text(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) {
    text.insert(at, "\\");
  }
  return text;
}

std::string row(std::string_view name, const std::string& value) {
  return fmt::format("| {} | {} |\n", name, cell_text(value));
}

std::string files_of(const data::Task& task) {
  std::vector<std::string> names = {task.train.path};
  for (const data::SplitFile& dev : task.dev) names.push_back(dev.path);
  for (std::string& name : names) name = std::filesystem::path(name).filename().string();
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string score_rows(std::string_view split, const data::Scores& scores, double loss) {
  std::string text;
  for (const auto& [metric, value] : scores.values) {
    text += fmt::format("| {} | {} | {} |\n", split, metric, io::number(value));
  }
  if (scores.values.size() > 1) {
    text += fmt::format("| {} | score | {} |\n", split, io::number(scores.score));
  }
  return text + fmt::format("| {} | loss | {} |\n", split, io::number(loss));
}

}  // namespace

std::string model_card(const CellData& data) {
  const experiment::Cell& cell = data.cell;
  const spec::Spec& spec = *cell.spec;
  const data::Task& task = cell.task->task;
  const experiment::TrialRecord& trial =
      data.history.trials.at(static_cast<std::size_t>(data.chosen));
  const spec::Trial settings = experiment::settings(cell, trial);
  const std::string encoder = spec.model.filename().string();
  const std::string name = experiment::cell_name(cell);

  std::string text = "---\nlibrary_name: transformers\npipeline_tag: text-classification\n---\n";
  text += fmt::format("# {}: {} fine-tuned on {}\n\n", name, encoder, task.name);
  text += fmt::format(
      "Trial {} of {}, the one with the best score on the selection split. {}\n\n", trial.trial,
      data.history.trials.size(),
      cell.method->search == spec::Search::soup
          ? fmt::format("Its weights are a mean of the fused models of {} training runs of {}.",
                        trial.alpha.size(), cell.method->of)
      : trial.alpha.empty()
          ? "Its weights are the exponential moving average of one training run."
          : fmt::format("Its weights are a mean of the {} snapshots of one training run.",
                        trial.alpha.size()));
  text += "| | |\n|---|---|\n";
  text += row("task", fmt::format("{} ({})", task.name, files_of(task)));
  text +=
      row("output", task.regression ? "a number" : fmt::format("{}", fmt::join(task.labels, ", ")));
  if (task.regression && settings.train.target_scale != 1.0) {
    text += row("unit", fmt::format("the task's own: training's, times target_scale {}",
                                    io::number(settings.train.target_scale)));
  }
  text += row("method", cell.method->name);
  text += row("seed", fmt::format("{}; of the training run {}", cell.seed, trial.run_seed));
  text += row("training run", trial.run);
  std::vector<std::string> lambda;
  for (const auto& [variable, value] : trial.lambda) {
    std::string written = io::number(value);
    for (const bo::Variable& searched : spec.search) {
      if (searched.name == variable) written = spec::written(searched, value);
    }
    lambda.push_back(fmt::format("{} {}", variable, written));
  }
  if (cell.method->search == spec::Search::soup) lambda = {"those of the runs that are mixed"};
  text += row("lambda",
              lambda.empty() ? "nothing is searched" : fmt::format("{}", fmt::join(lambda, ", ")));
  std::vector<std::string> alpha;
  for (const double weight : trial.alpha) alpha.push_back(io::number(weight));
  text += row("alpha",
              alpha.empty() ? "the moving average" : fmt::format("{}", fmt::join(alpha, ", ")));

  text += "\n## Scores\n\n| split | metric | value |\n|---|---|---|\n";
  text += score_rows(fmt::format("selection ({})", selection_split(spec)),
                     trial.evaluation.selection, trial.evaluation.selection_loss);
  text += score_rows(fmt::format("report ({})", report_split(spec)), trial.evaluation.report,
                     trial.evaluation.report_loss);
  text += "\nThe selection split chose among trials, so its scores are too good; ";
  text += spec.holdout > 0.0 ? "the report split chose nothing.\n"
                             : "here it is the one that is reported, too.\n";

  text += "\n## Recipe\n\n| | |\n|---|---|\n";
  for (const spec::VariableRow& variable : spec::variables()) {
    text += row(variable.name, variable.written(variable.get(settings)));
  }
  text += fmt::format("\n## Signature\n\n{}\n", signature(spec));
  const std::string file = spec.file.filename().string();
  text +=
      fmt::format("\n## To make it again\n\n    runner {}\n    runner export {} --cell '{}' DIR\n",
                  file, file, name);
  if (!spec.overrides.empty()) {
    text += "\nwith, on both command lines,";
    for (const auto& [key, value] : spec.overrides) text += fmt::format(" {}={}", key, value);
    text += "\n";
  }
  text += fmt::format("\nwhere {} is\n\n```yaml\n{}", file, io::read_file(spec.file));
  if (!text.ends_with('\n')) text += '\n';
  return text + "```\n";
}

}  // namespace runner::report
