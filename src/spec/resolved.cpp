#include "spec/resolved.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

#include "data/metrics.hpp"
#include "io/csv.hpp"
#include "spec/budget.hpp"
#include "spec/device.hpp"
#include "spec/methods.hpp"
#include "spec/space.hpp"
#include "spec/variables.hpp"
#include "spec/yaml.hpp"

namespace runner::spec {
namespace {

std::string list(const std::vector<std::string>& texts) {
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

std::string list_of_texts(const std::vector<std::string>& texts) {
  std::vector<std::string> quoted;
  for (const std::string& text : texts) quoted.push_back(yaml_text(text));
  return list(quoted);
}

std::string count_or(int count, const char* automatic) {
  return count == 0 ? automatic : fmt::format("{}", count);
}

std::string outer_split(const Spec& spec) {
  return spec.holdout > 0.0 ? "holdout:" + io::number(spec.holdout) : "dev";
}

std::string noise_name(bo::Noise noise) {
  return noise == bo::Noise::learned ? "learned" : "deterministic";
}

std::string flag(bool value) { return value ? "true" : "false"; }

// The settings of one section as a flow map, or only those that differ from `common`.
std::string settings(const Trial& trial, bool inner, const Trial* common) {
  std::vector<std::string> changed;
  for (const VariableRow& variable : variables()) {
    if (variable.is_inner() != inner) continue;
    const double value = variable.get(trial);
    if (common != nullptr && value == variable.get(*common)) continue;
    changed.push_back(fmt::format("{}: {}", variable.key(), variable.written(value)));
  }
  return fmt::format("{{{}}}", fmt::join(changed, ", "));
}

std::vector<std::string> paths(const std::vector<data::SplitFile>& files) {
  std::vector<std::string> texts;
  for (const data::SplitFile& file : files) texts.push_back(file.path);
  return texts;
}

// The fields of a user's own task, as the spec has them; none for GLUE's.
std::vector<std::pair<std::string, std::string>> own_fields(const data::Task& task) {
  if (!task.folder.empty()) return {};
  const data::SplitFile& train = task.train;
  using Format = data::SplitFile::Format;
  const Format format = train.format;
  std::vector<std::string> text = train.text_fields;
  for (std::string& name : text) name = yaml_text(name);
  for (const int column : train.text_columns) text.push_back(fmt::format("{}", column));
  std::vector<std::string> metrics;
  for (const data::Metric metric : task.metrics) metrics.emplace_back(data::metric_name(metric));
  std::vector<std::pair<std::string, std::string>> fields = {
      {"train", yaml_text(train.path)},
      {"dev", list_of_texts(paths(task.dev))},
      {"format", format == Format::jsonl ? "jsonl"
                 : format == Format::csv ? "csv"
                                         : "tsv"},
      {"header", flag(train.header)},
      {"text", list(text)},
      {"label", train.label_field.empty() ? fmt::format("{}", train.label_column)
                                          : yaml_text(train.label_field)},
      {"metric", list(metrics)},
  };
  if (format != Format::jsonl) fields.emplace_back("quoting", flag(train.quoting));
  if (!task.test.empty()) fields.emplace_back("test", list_of_texts(paths(task.test)));
  if (!task.regression) {
    fields.emplace_back("labels", list_of_texts(task.labels));
    fields.emplace_back("positive", yaml_text(task.positive_label));
  }
  return fields;
}

// "none", "median, reduction: 3"
std::string pruning(const Spec& spec) {
  if (spec.outer.pruning.empty()) return "none";
  return fmt::format("{}, reduction: {}", spec.outer.pruning, io::number(spec.outer.reduction));
}

// outer.starts as the spec has it, recipe's values left out.
std::string starts(const Spec& spec) {
  std::vector<std::string> items;
  for (const bo::Point& start : spec.outer.starts) {
    std::vector<std::string> values;
    for (std::size_t i = 0; i < start.size(); ++i) {
      if (std::isnan(start[i])) continue;
      values.push_back(
          fmt::format("{}: {}", spec.search[i].name, written(spec.search[i], start[i])));
    }
    items.push_back(fmt::format("{{{}}}", fmt::join(values, ", ")));
  }
  return list(items);
}

std::string file_name(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

}  // namespace

std::map<std::string, std::string> identity(const Spec& spec) {
  std::map<std::string, std::string> fields = {
      {"model", spec.model.filename().string()},
      {"data.max_train_rows", fmt::format("{}", spec.max_train_rows)},
      {"data.max_selection_rows", fmt::format("{}", spec.max_selection_rows)},
      {"data.max_dev_rows", fmt::format("{}", spec.max_dev_rows)},
      {"outer_split", outer_split(spec)},
      // One GPU is as good as the next.
      {"device", device_kind(spec.device)},
      {"deterministic", flag(spec.deterministic)},
      {"outer.initial", count_or(spec.outer.initial, "auto")},
      {"outer.beta", io::number(spec.outer.beta)},
      {"outer.noise", noise_name(spec.outer.noise)},
      {"outer.pruning", pruning(spec)},
      {"outer.starts", starts(spec)},
  };
  // Where it is not there, it is 1: so it is in runs from before there was the field.
  if (spec.outer.parallel != 1) fields["outer.parallel"] = fmt::format("{}", spec.outer.parallel);
  // The points of a grid depend on how many there are.
  if (std::ranges::find(spec.methods, Search::grid, &Method::search) != spec.methods.end()) {
    fields["outer.trials"] = fmt::format("{}", spec.outer.trials);
  }
  for (const bo::Variable& variable : spec.search) {
    fields["search." + variable.name] = written(variable, spec.search);
  }
  for (const TaskEntry& entry : spec.tasks) {
    const std::string task = fmt::format("tasks.{}.", entry.task.name);
    for (const VariableRow& variable : variables()) {
      const char* const section = variable.is_inner() ? "inner." : "recipe.";
      fields[task + section + std::string(variable.key())] =
          variable.written(variable.get(entry.recipe));
    }
    data::Task own = entry.task;
    own.train.path = file_name(own.train.path);
    for (auto* files : {&own.dev, &own.test}) {
      for (data::SplitFile& file : *files) file.path = file_name(file.path);
    }
    for (const auto& [key, value] : own_fields(own)) fields[task + key] = value;
  }
  return fields;
}

namespace {

bool has_task(const Spec& spec, std::string_view field) {
  constexpr std::string_view kTasks = "tasks.";
  if (!field.starts_with(kTasks)) return true;
  for (const TaskEntry& entry : spec.tasks) {
    if (field.substr(kTasks.size()).starts_with(entry.task.name + ".")) return true;
  }
  return false;
}

}  // namespace

std::string resolved_yaml(const Spec& spec) {
  std::string yaml;
  const auto line = [&yaml](std::string_view format, const auto&... values) {
    fmt::format_to(std::back_inserter(yaml), fmt::runtime(format), values...);
    yaml += '\n';
  };
  line("name: {}", yaml_text(spec.name));
  line("model: {}", yaml_text(spec.model.string()));
  line("data: {{root: {}, max_train_rows: {}, max_selection_rows: {}, max_dev_rows: {}}}",
       yaml_text(spec.glue_root.string()), spec.max_train_rows, spec.max_selection_rows,
       spec.max_dev_rows);
  line("runs: {}", yaml_text(spec.runs_root.string()));
  line("device: {}", written_device(spec.device));
  line("threads: {}", count_or(spec.threads, "auto"));
  line("workers: {}", count_or(spec.workers, "auto"));
  line("trials_per_device: {}", spec.trials_per_device);
  line("deterministic: {}", flag(spec.deterministic));
  line("store_limit: {} MB", io::number(static_cast<double>(spec.store_limit) / 1e6));
  line("seeds: [{}]", fmt::join(spec.seeds, ", "));
  line("outer_split: {}", outer_split(spec));
  // The first task's settings stand for all, and the others say how they differ.
  const Trial& common = spec.tasks.front().recipe;
  line("recipe: {}", settings(common, false, nullptr));
  line("inner: {}", settings(common, true, nullptr));
  line("tasks:");
  for (const TaskEntry& entry : spec.tasks) {
    line("  - name: {}", yaml_text(entry.task.name));
    for (const auto& [key, value] : own_fields(entry.task)) line("    {}: {}", key, value);
    const std::string recipe = settings(entry.recipe, false, &common);
    const std::string inner = settings(entry.recipe, true, &common);
    if (recipe != "{}") line("    recipe: {}", recipe);
    if (inner != "{}") line("    inner: {}", inner);
  }
  if (!spec.search.empty()) line("search:");
  for (const bo::Variable& variable : spec.search) {
    line("  {}: {}", variable.name, written(variable, spec.search));
  }
  line("outer: {{{}, initial: {}, parallel: {}, beta: {}, noise: {}, pruning: {}{}}}",
       spec.outer.budget ? "budget: " + written(*spec.outer.budget)
                         : fmt::format("trials: {}", spec.outer.trials),
       count_or(spec.outer.initial, "auto"), spec.outer.parallel, io::number(spec.outer.beta),
       noise_name(spec.outer.noise), pruning(spec),
       spec.outer.starts.empty() ? "" : ", starts: " + starts(spec));
  line("methods:");
  std::vector<std::string> refused, souped;
  for (const Method& method : spec.methods) {
    if (method.search == Search::refuse) {
      refused.push_back(method.rule);
    } else if (method.search == Search::soup) {
      const std::string kind = method.name.substr(0, method.name.find("_soup("));
      if (std::ranges::find(souped, kind) == souped.end()) souped.push_back(kind);
    } else if (method.search != Search::confirm) {
      line("  - {}", written(method));
    }
  }
  if (!refused.empty()) line("refuse: {}", list(refused));
  if (!souped.empty()) line("soup: {}", list(souped));
  line("confirm: {}", spec.confirm);
  const auto against = [](const Contrast& contrast) {
    return yaml_text(fmt::format("{} against {}", contrast.method, contrast.against));
  };
  line("baseline: {}", spec.baseline.empty() ? "none" : yaml_text(spec.baseline));
  line("primary: {}", spec.primary ? against(*spec.primary) : "none");
  line("comparisons:{}", spec.comparisons.empty() ? " none" : "");
  for (const Contrast& contrast : spec.comparisons) line("  - {}", against(contrast));
  line("equivalence: {}", io::number(spec.equivalence));
  line("at_chance: {}", spec.measure_chance      ? "auto"
                        : spec.at_chance.empty() ? "none"
                                                 : list_of_texts(spec.at_chance));
  return yaml;
}

std::string difference(const Spec& begun, const Spec& now) {
  const auto before = identity(begun);
  const auto after = identity(now);
  auto fields = before;
  fields.insert(after.begin(), after.end());
  const auto value = [](const auto& map, const std::string& field) -> std::string {
    const auto found = map.find(field);
    return found == map.end() ? "absent" : found->second;
  };
  std::string lines;
  for (const auto& [field, unused] : fields) {
    if (!has_task(begun, field) || !has_task(now, field)) continue;
    // There are two grids to differ, or none.
    if (field == "outer.trials" && (!before.contains(field) || !after.contains(field))) continue;
    const std::string was = value(before, field), is = value(after, field);
    if (was == is) continue;
    if (!lines.empty()) lines += '\n';
    lines += fmt::format("{}: {} before, {} now", field, was, is);
  }
  return lines;
}

}  // namespace runner::spec
