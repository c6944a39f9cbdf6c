// The verb evaluate: a fine-tuned model's metrics on labelled rows.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/program_options/value_semantic.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/cell_model.hpp"
#include "cli/loaded_model.hpp"
#include "cli/options.hpp"
#include "cli/row_flags.hpp"
#include "cli/streams.hpp"
#include "cli/task_flags.hpp"
#include "cli/verbs.hpp"
#include "data/metrics.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

// What is evaluated.
struct Question : TaskToRead {
  std::vector<data::SplitFile> parts;  // metrics per part, then their mean
};

Question task_question(const CommandLine& line) {
  Question question{read_task_flags(line), {}};
  const auto split = line.get<std::string>("split");
  if (split != "train" && split != "dev") {
    throw InputError(fmt::format("command line: --split {}: known are dev, train", split));
  }
  if (split == "dev") {
    question.parts = question.task.dev;
  } else {
    question.max_dev_rows = 0;
    if (!question.task.train.path.empty()) question.parts = {question.task.train};
  }
  if (question.parts.empty()) {
    throw InputError(
        fmt::format("command line: {} has no labelled {} rows", question.task.name, split));
  }
  return question;
}

std::vector<data::Metric> read_metrics(const std::string& text) {
  std::vector<data::Metric> metrics;
  const auto names = io::parse_csv(text, "command line: --metric");
  for (const std::string& name : names.at(0).fields) {
    const auto rows = data::metric_rows();
    const auto row = std::ranges::find(rows, name, &data::MetricRow::name);
    if (row == rows.end()) {
      throw InputError(fmt::format(
          "command line: --metric {}: there is none of this name; see 'runner list metrics'",
          name));
    }
    metrics.push_back(row->metric);
  }
  return metrics;
}

// --label: the rows of one file, as a task of the model's own labels.
Question file_question(const CommandLine& line) {
  const fs::path file = line.words[1];
  Question question;
  question.task.name = file.filename().string();
  data::SplitFile split = row_format(line, file);
  split.path = fs::absolute(file).string();
  const auto label = line.get<std::string>("label");
  const auto column = split.text_columns.empty() ? std::nullopt : column_number(label);
  if (column) {
    split.label_column = *column;
  } else {
    split.label_field = label;
  }
  question.parts = {std::move(split)};
  return question;
}

// What the model's outputs make of a file's task.
void complete(const CommandLine& line, const LoadedModel& model, data::Task& task) {
  task.labels = model.labels();
  task.regression = task.labels.empty();
  task.metrics = read_metrics(line.has("metric") ? line.get<std::string>("metric")
                              : task.regression  ? "pearson,spearman"
                                                 : "accuracy");
  if (!task.labels.empty()) task.positive_label = task.labels.back();
  if (line.has("positive")) task.positive_label = line.get<std::string>("positive");
  for (const data::Metric metric : task.metrics) {
    const data::MetricRow& row = data::metric_row(metric);
    if (data::fits(row, task.classes())) continue;
    throw InputError(fmt::format(
        "command line: --metric {}: does not fit a model with {}", row.name,
        task.regression ? "a number as its output" : fmt::format("{} classes", task.classes())));
  }
}

std::vector<float> reordered(const std::vector<float>& logits,
                             const std::vector<std::size_t>& outputs) {
  std::vector<float> out;
  out.reserve(logits.size());
  for (std::size_t row = 0; row < logits.size(); row += outputs.size()) {
    for (const std::size_t output : outputs) out.push_back(logits[row + output]);
  }
  return out;
}

using Values = std::vector<std::pair<std::string, double>>;

void print_values(const std::string& name, int rows, const Values& values, bool json) {
  if (json) {
    nlohmann::ordered_json object = {{"data", name}, {"rows", rows}};
    for (const auto& [metric, value] : values) object[metric] = value;
    print_out("{}\n", object.dump());
    return;
  }
  print_out("{} ({} rows)\n", name, rows);
  for (const auto& [metric, value] : values) print_out("  {:<18} {}\n", metric, value);
}

// Prints the metrics of every part and their mean; the exit code.
int answer(const Question& question, LoadedModel& model, bool by_task, bool json) {
  const std::vector<std::size_t> outputs = model.outputs_of(question.task.labels);

  Values mean;
  int rows = 0;
  for (const data::SplitFile& part : question.parts) {
    const data::EncodedSplit split =
        read_part(question, part, question.max_dev_rows, model.tokenizer(), model.max_length());
    const data::Scores scores =
        data::score(question.task, reordered(model.logits(split), outputs), split.labels);
    Values values = scores.values;
    if (values.size() > 1) values.emplace_back("score", scores.score);
    print_values(
        question.parts.size() > 1 || by_task
            ? fmt::format("{} {}", question.task.name, fs::path(part.path).filename().string())
            : question.task.name,
        split.rows(), values, json);
    if (scores.degenerate) print_error("note: a metric is undefined here and counts 0\n");
    rows += split.rows();
    if (mean.empty()) mean.resize(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      mean[i].first = values[i].first;
      mean[i].second += values[i].second / static_cast<double>(question.parts.size());
    }
  }
  if (question.parts.size() > 1) {
    print_values(question.task.name + " mean", rows, mean, json);
  }
  return kDone;
}

constexpr std::string_view kCall =
    "runner evaluate MODEL --task TASK [--spec FILE] [--split dev|train]\n"
    "       runner evaluate MODEL --columns A,B --label C [--metric M,...] FILE";

}  // namespace

int evaluate_command(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  add_task_flags(flags);
  flags.add_options()("split",
                      po::value<std::string>()->default_value("dev")->value_name("dev|train"),
                      "")("label", po::value<std::string>()->value_name("C"),
                          "of a file of rows: the column or field of the label")(
      "metric", po::value<std::string>()->value_name("M,..."),
      "of a file of rows (accuracy; of numbers pearson,spearman); see 'runner list metrics'")(
      "positive", po::value<std::string>()->value_name("NAME"),
      "the class that metrics of two classes are about (the last)")(
      "format", po::value<std::string>()->default_value("text")->value_name("text|jsonl"), "");
  add_row_flags(flags);
  add_model_flags(flags);
  bool helped = false;
  const CommandLine line = parse(arguments, kCall, flags, helped);
  if (helped) return kDone;
  const auto format = line.get<std::string>("format");
  if (format != "text" && format != "jsonl") {
    throw InputError(fmt::format("command line: --format {}: known are text, jsonl", format));
  }
  const bool by_task = line.has("task");
  if (by_task ? line.words.size() != 1 : line.words.size() != 2 || !line.has("label")) {
    throw InputError(
        fmt::format("MODEL is needed, and --task, or --label and a FILE\nusage: {}", kCall));
  }
  for (const char* flag : by_task ? std::array{"label", "metric", "positive", "columns"}
                                  : std::array{"task", "spec", "glue", "task"}) {
    if (!line.has(flag)) continue;
    throw InputError(fmt::format("command line: --{} goes with {}", flag,
                                 by_task ? "a FILE, not with --task" : "--task"));
  }

  Question question = by_task ? task_question(line) : file_question(line);
  require_parts(question, question.parts);
  return unless_stopped([&] {
    LoadedModel model(line.words[0], line, question.defaults);
    if (!by_task) complete(line, model, question.task);
    return answer(question, model, by_task, format == "jsonl");
  });
}

}  // namespace runner::cli
