#include "spec/own_task.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "data/metrics.hpp"
#include "io/csv.hpp"
#include "spec/fields.hpp"

namespace runner::spec {
namespace {

using data::Metric;
using data::SplitFile;

bool for_regression(Metric metric) {
  return data::metric_row(metric).kind == data::MetricRow::Kind::numbers;
}

bool is_number(const Node& node) {
  double value = 0.0;
  return node.kind == Node::Kind::scalar && !node.quoted && io::parse_number(node.text, value);
}

std::string absolute_path(const Node& node) {
  return (node.place.source->folder / node.text).lexically_normal().string();
}

std::vector<SplitFile> read_files(const Node& node, const std::string& what, Problems& problems) {
  std::vector<SplitFile> files;
  for (const Node* item : read_list(node, what, problems)) {
    if (!read_text(*item, what, problems)) continue;
    SplitFile& file = files.emplace_back();
    file.path = absolute_path(*item);
    std::string_view name = file.path;
    if (name.ends_with(".gz")) name.remove_suffix(3);
    if (name.ends_with(".csv")) file.format = SplitFile::Format::csv;
    if (name.ends_with(".jsonl") || name.ends_with(".json")) {
      file.format = SplitFile::Format::jsonl;
    }
  }
  return files;
}

// Which columns or fields of every file hold the text and the label.
struct Columns {
  std::vector<int> text;
  std::vector<std::string> text_names;
  int label = SplitFile::kNoLabel;
  std::string label_name;
};

Columns read_columns(Section& section, bool numbered, Problems& problems) {
  Columns columns;
  const auto read = [&](const Node& node, std::string_view key, int& index, std::string& name) {
    const std::string what = section.path(key);
    if (is_number(node)) {
      const auto column = read_integer(node, what, field("tasks[].text").range, problems);
      if (!column) return false;
      if (!numbered) {
        problems.add(node.place,
                     fmt::format("{}: JSON has fields with names, not column {}", what, *column));
      }
      index = static_cast<int>(*column);
      return numbered;
    }
    const auto text = read_text(node, what, problems);
    if (text) name = *text;
    return text.has_value();
  };
  if (const Node* const text = section.require("text")) {
    const auto items = read_list(*text, section.path("text"), problems);
    if (items.size() > 2) {
      problems.add(text->place, fmt::format("{}: one text or a pair, not {}", section.path("text"),
                                            items.size()));
    }
    for (const Node* item : items) {
      int index = SplitFile::kNoLabel;
      std::string name;
      if (!read(*item, "text", index, name)) continue;
      if (name.empty()) {
        columns.text.push_back(index);
      } else {
        columns.text_names.push_back(name);
      }
    }
    if (!columns.text.empty() && !columns.text_names.empty()) {
      problems.add(text->place,
                   fmt::format("{}: columns by number or by name, not both", section.path("text")));
    }
  }
  if (const Node* const label = section.require("label")) {
    read(*label, "label", columns.label, columns.label_name);
  }
  return columns;
}

std::vector<Metric> read_metrics(Section& section, Problems& problems) {
  const Node* const node = section.get("metric");
  if (node == nullptr) return {Metric::accuracy};
  std::vector<std::string_view> names;
  for (const data::MetricRow& row : data::metric_rows()) names.push_back(row.name);
  std::vector<Metric> metrics;
  for (const Node* item : read_list(*node, section.path("metric"), problems)) {
    const auto index = read_name(*item, "metric", names, problems);
    if (!index) continue;
    const Metric metric = data::metric_rows()[*index].metric;
    if (std::ranges::find(metrics, metric) != metrics.end()) {
      problems.add(item->place, fmt::format("metric '{}' is listed twice", names[*index]));
    } else if (!metrics.empty() && for_regression(metric) != for_regression(metrics.front())) {
      problems.add(item->place,
                   fmt::format("metric '{}' does not go with '{}': one is for classes, one for "
                               "numbers",
                               names[*index], data::metric_name(metrics.front())));
    } else {
      metrics.push_back(metric);
    }
  }
  return metrics;
}

void read_labels(Section& section, data::Task& task, Problems& problems) {
  const Node* const labels = section.get("labels");
  if (task.regression && labels != nullptr) {
    problems.add(labels->place,
                 fmt::format("{}: a task scored by {} has numbers, not classes",
                             section.path("labels"), data::metric_name(task.metrics.front())));
  } else if (!task.regression && labels == nullptr) {
    problems.add(section.place(),
                 fmt::format("{} is missing: the classes as the files name them, in the order of "
                             "their ids",
                             section.path("labels")));
  } else if (labels != nullptr) {
    for (const Node* item : read_list(*labels, section.path("labels"), problems)) {
      const auto label = read_text(*item, section.path("labels"), problems);
      if (!label) continue;
      if (std::ranges::find(task.labels, *label) != task.labels.end()) {
        problems.add(item->place, fmt::format("label '{}' is listed twice", *label));
      } else {
        task.labels.push_back(*label);
      }
    }
    if (task.labels.size() == 1) {
      problems.add(labels->place, fmt::format("{}: one class only, '{}'; at least 2 are needed",
                                              section.path("labels"), task.labels.front()));
    }
  }
}

// Metrics of two classes on a task that has more.
void refuse_unfitting(Section& section, const data::Task& task, Problems& problems) {
  std::vector<std::string_view> fitting;
  for (const data::MetricRow& row : data::metric_rows()) {
    if (data::fits(row, task.classes())) fitting.push_back(row.name);
  }
  const Node* const node = section.get("metric");
  for (const Metric metric : task.metrics) {
    if (data::fits(data::metric_row(metric), task.classes())) continue;
    problems.add(node->place,
                 fmt::format("metric '{}' is for two classes, not for {}; for those there are: {}",
                             data::metric_name(metric), task.classes(), fmt::join(fitting, ", ")));
  }
}

// Rows and columns of the tables of report/ that stand beside those of the tasks.
constexpr std::string_view kTableWords[] = {
    "average",  "method", "outer",    "inner",     "difference", "p",    "verdict", "trials",
    "modelled", "failed", "diverged", "collapsed", "pruned",     "task", "seeds"};

void refuse_name(const Section& section, std::string_view name, Problems& problems) {
  if (std::ranges::find(kTableWords, name) != std::end(kTableWords)) {
    problems.add(section.place(), fmt::format("'{}' is a word of the tables; name a task of yours "
                                              "differently",
                                              name));
  } else if (name.ends_with('_')) {  // two tasks would share a folder
    problems.add(section.place(), fmt::format("'{}': a task's name does not end with '_'", name));
  }
}

}  // namespace

data::Task read_own_task(Section& section, std::string_view name, Problems& problems) {
  refuse_name(section, name, problems);
  data::Task task;
  task.name = name;
  std::vector<SplitFile> train;
  if (const Node* const node = section.require("train")) {
    train = read_files(*node, section.path("train"), problems);
    if (train.size() > 1) {
      problems.add(node->place,
                   fmt::format("{}: one file, not {}", section.path("train"), train.size()));
    }
    if (!train.empty()) task.train = train.front();
  }
  if (const Node* const node = section.require("dev")) {
    task.dev = read_files(*node, section.path("dev"), problems);
  }
  if (const Node* const node = section.get("test")) {
    task.test = read_files(*node, section.path("test"), problems);
  }
  std::vector<SplitFile*> files = {&task.train};
  for (SplitFile& file : task.dev) files.push_back(&file);
  for (SplitFile& file : task.test) files.push_back(&file);

  const auto formats = field("tasks[].format").words;
  if (const Node* const node = section.get("format")) {
    const auto index = read_name(*node, section.path("format"), formats, problems);
    for (SplitFile* file : files) {
      if (index) file->format = static_cast<SplitFile::Format>(*index);
    }
  }
  for (const SplitFile* file : files) {
    if (file->format == task.train.format) continue;
    problems.add(section.place(),
                 fmt::format("{}: the files of a task have one format, but '{}' is "
                             "{} and '{}' is {}",
                             section.path("format"), task.train.path,
                             formats[static_cast<std::size_t>(task.train.format)], file->path,
                             formats[static_cast<std::size_t>(file->format)]));
    break;
  }
  const bool jsonl = task.train.format == SplitFile::Format::jsonl;
  bool header = true;
  if (const Node* const node = section.get("header")) {
    header = read_boolean(*node, section.path("header"), problems).value_or(true);
  }
  bool quoting = task.train.format == SplitFile::Format::csv;
  if (const Node* const node = section.get("quoting")) {
    quoting = read_boolean(*node, section.path("quoting"), problems).value_or(quoting);
    if (jsonl) {
      problems.add(node->place,
                   fmt::format("{}: only TSV and CSV can have it", section.path("quoting")));
    }
  }
  const Columns columns = read_columns(section, !jsonl, problems);
  const bool by_name = !columns.text_names.empty() || !columns.label_name.empty();
  if (by_name && !jsonl && !header) {
    problems.add(section.place(), fmt::format("{}: a file without a header has no column names",
                                              section.path("header")));
  }
  for (SplitFile* file : files) {
    file->header = header;
    file->quoting = quoting;
    file->text_columns = columns.text;
    file->text_fields = columns.text_names;
    file->label_column = columns.label;
    file->label_field = columns.label_name;
  }
  for (SplitFile& file : task.test) {
    file.label_column = SplitFile::kNoLabel;
    file.label_field.clear();
  }

  task.metrics = read_metrics(section, problems);
  task.regression = !task.metrics.empty() && for_regression(task.metrics.front());
  if (task.metrics.empty()) {
    section.get("labels");  // which labels are right depends on the metric
  } else {
    read_labels(section, task, problems);
  }
  if (task.labels.size() > 1) refuse_unfitting(section, task, problems);
  if (!task.labels.empty()) task.positive_label = task.labels.back();
  if (const Node* const node = section.get("positive")) {
    const std::vector<std::string_view> labels(task.labels.begin(), task.labels.end());
    const auto index = read_name(*node, section.path("positive"), labels, problems);
    if (index) task.positive_label = task.labels[*index];
  }
  return task;
}

}  // namespace runner::spec
