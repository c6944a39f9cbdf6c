#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string>

#include "spec/fields.hpp"
#include "spec/presets.hpp"
#include "spec/schema.hpp"
#include "spec/variables.hpp"

namespace runner::spec {
namespace {

constexpr std::array kOnlyCheck = {
    OnlyCheck{"a key that is set twice",
              "model: tiny\ntasks: [RTE]\nmethods: [fine_tune]\nseeds: 2\nseeds: 3\n"},
    OnlyCheck{"a list that names a task, a method, a seed, a label or a value twice",
              "model: tiny\ntasks: [RTE, RTE]\nmethods: [fine_tune]\n"},
    OnlyCheck{"texts that are numbers to YAML alone, such as 0x10",
              "model: tiny\ntasks: [RTE]\nmethods: [fine_tune]\nthreads: 0x10\n"},
    OnlyCheck{"a method that searches, without `search`",
              "model: tiny\ntasks: [RTE]\nmethods: [random_search]\n"},
    OnlyCheck{"`low` above `high`, and a logarithmic scale from 0",
              "model: tiny\ntasks: [RTE]\nmethods: [random_search]\n"
              "search: {lr: {low: 1e-4, high: 1e-5}}\n"},
    OnlyCheck{"a search that leaves out the recipe's own value, with which every search begins",
              "model: tiny\ntasks: [RTE]\nmethods: [random_search]\nrecipe: {lr: 1e-3}\n"
              "search: {lr: {low: 1e-6, high: 1e-4}}\n"},
    OnlyCheck{"a `when` on a variable that is not searched, on a real one, or in a circle",
              "model: tiny\ntasks: [RTE]\nmethods: [random_search]\n"
              "search: {lr: {low: 1e-6, high: 1e-4, when: {batch_size: 16}}}\n"},
    OnlyCheck{"a start that names what is not searched, or lies outside of it",
              "model: tiny\ntasks: [RTE]\nmethods: [random_search]\n"
              "search: {lr: {low: 1e-6, high: 1e-4}}\nouter: {starts: [{warmup: 0.1}]}\n"},
    OnlyCheck{"a search whose model would never be asked: outer.trials within the start design",
              "model: tiny\ntasks: [RTE]\nmethods: [bo]\n"
              "search: {lr: {low: 1e-6, high: 1e-4}}\nouter: {trials: 2}\n"},
    OnlyCheck{"outer.trials beside outer.budget, and a budget for a grid",
              "model: tiny\ntasks: [RTE]\nmethods: [random_search]\n"
              "search: {lr: {low: 1e-6, high: 1e-4}}\nouter: {trials: 8, budget: 6h}\n"},
    OnlyCheck{"more of outer.parallel than leaves a trial that knows the start design's outcomes",
              "model: tiny\ntasks: [RTE]\nmethods: [bo]\n"
              "search: {lr: {low: 1e-6, high: 1e-4}}\nouter: {trials: 8, parallel: 7}\n"},
    OnlyCheck{"an inner loop whose model would never be asked: inner.evaluations within its starts",
              "model: tiny\ntasks: [RTE]\nmethods: [bo_fusion]\ninner: {evaluations: 3}\n"},
    OnlyCheck{"more micro-batches than a batch has rows, more snapshots than steps, more of lawa's "
              "snapshots than there are",
              "model: tiny\ntasks: [RTE]\nmethods: [fine_tune]\n"
              "recipe: {batch_size: 4, accumulation: 8}\n"},
    OnlyCheck{"`ema` without `ema_decay`, and an `ehvi` of one objective twice",
              "model: tiny\ntasks: [RTE]\nmethods: [ema]\n"},
    OnlyCheck{"`refuse` without a search by bo for the best snapshot",
              "model: tiny\ntasks: [RTE]\nmethods: [fine_tune]\nrefuse: all\n"},
    OnlyCheck{"`soup` without a search whose runs' heads begin alike",
              "model: tiny\ntasks: [RTE]\nmethods: [fine_tune]\nsoup: all\n"},
    OnlyCheck{"a comparison, a baseline or a task at chance that is no row or column of the tables",
              "model: tiny\ntasks: [RTE]\nmethods: [fine_tune]\nbaseline: swa\n"},
    OnlyCheck{"a task of your own with a name of GLUE's or of the tables, with files of two "
              "formats, or with a metric that its labels do not allow",
              "model: tiny\ntasks: [{name: RTE, train: a.tsv, dev: b.tsv, text: 0, label: 1, "
              "labels: [x, y]}]\nmethods: [fine_tune]\n"},
    OnlyCheck{"a file of published rows that cannot be read",
              "model: tiny\ntasks: [RTE]\nmethods: [fine_tune]\npublished: nowhere.csv\n"},
};

// Text as a cell of a table.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char letter : text) {
    if (letter == '|') escaped += '\\';
    escaped += letter;
  }
  return escaped;
}

std::string code(std::string_view text) { return fmt::format("`{}`", cell(text)); }

std::string codes(std::span<const std::string_view> words) {
  std::string text;
  for (const std::string_view word : words) text += (text.empty() ? "" : ", ") + code(word);
  return text;
}

std::string allowed(const Range& range, std::span<const std::string_view> words, bool whole) {
  const bool free = std::isinf(range.low) && std::isinf(range.high);
  std::string text = free ? "any number" : describe(range);
  if (whole) text += ", whole";
  return words.empty() ? text : fmt::format("{}; {}", codes(words), text);
}

std::string allowed(const Field& row) {
  switch (row.shape) {
    case Shape::number:
    case Shape::integer:
      return allowed(row.range, row.words, row.shape == Shape::integer);
    case Shape::flag:
      return "`true`, `false`";
    case Shape::name: {
      std::vector<std::string_view> names(row.words.begin(), row.words.end());
      if (row.path == "recipe.preset") {
        for (const Preset& preset : presets()) names.push_back(preset.name);
      }
      return codes(names);
    }
    case Shape::text:
    case Shape::other:
      break;
  }
  return row.form.empty() ? "a text" : std::string(row.form);
}

std::string allowed(const VariableRow& row) {
  if (row.type == bo::Type::choice) return codes(row.values);
  const std::span<const std::string_view> unset(&row.unset, row.unset.empty() ? 0 : 1);
  return allowed(row.range, unset, row.type == bo::Type::integer);
}

constexpr std::string_view kHead =
    "| key | default | allowed | meaning | trade-off |\n|---|---|---|---|---|\n";

void line(std::string& text, std::string_view key, const std::string& standard,
          const std::string& allowed, std::string_view meaning, std::string_view trade_off) {
  text += fmt::format("| `{}` | {} | {} | {} | {} |\n", key, standard, allowed, cell(meaning),
                      cell(trade_off));
}

void section(std::string& text, std::string_view name) {
  text += kHead;
  for (const Field& row : fields()) {
    if (row.section() != name) continue;
    const std::string standard = row.is_required()      ? "required"
                                 : row.standard.empty() ? std::string(row.otherwise)
                                                        : code(row.standard);
    line(text, row.key(), standard, allowed(row), row.meaning, row.trade_off);
  }
}

void settings(std::string& text, bool inner) {
  text += kHead;
  if (!inner) {
    const Field& preset = field("recipe.preset");
    line(text, "preset", std::string(preset.otherwise), allowed(preset), preset.meaning,
         preset.trade_off);
  }
  for (const VariableRow& row : variables()) {
    if (row.is_inner() != inner) continue;
    line(text, row.key(), code(row.written(row.get(Trial{}))), allowed(row), row.summary,
         row.trade_off);
  }
}

std::vector<std::string_view> on_log_scale() {
  std::vector<std::string_view> names;
  for (const VariableRow& row : variables()) {
    if (row.log) names.push_back(row.name);
  }
  return names;
}

}  // namespace

std::span<const OnlyCheck> only_check() { return kOnlyCheck; }

std::string reference() {
  std::string text =
      "<!-- Written by `runner schema --markdown`; a test compares the two. -->\n"
      "# Every field of a spec\n\n"
      "What a spec may say, from the tables that the program reads specs by. `runner schema >\n"
      "runner.schema.json` writes the same for editors: with the YAML language server the spec's\n"
      "first line is\n\n"
      "```yaml\n"
      "# yaml-language-server: $schema=runner.schema.json\n"
      "```\n\n"
      "Where a list may stand, a single value is a list of one. Relative paths begin at the "
      "spec's\n"
      "folder. `key.path=value` on the command line changes any field in passing. `runner plan "
      "SPEC`\n"
      "prints what holds in the end.\n\n"
      "## The top\n\n";
  section(text, "");
  text += "\n## data\n\n";
  section(text, "data");
  text +=
      "\n## tasks[]\n\nAn entry of `tasks` is a name of GLUE's or a map; [data.md](data.md) tells "
      "of "
      "own files.\n\n";
  section(text, "tasks[]");
  text +=
      "\n## recipe\n\nEvery run's settings. A `preset` is applied first, then the other keys, then "
      "the "
      "task's own.\n\n";
  settings(text, false);
  text += "\nPresets:\n\n| preset | what it is |\n|---|---|\n";
  for (const Preset& row : presets()) text += fmt::format("| `{}` | {} |\n", row.name, row.summary);
  text +=
      "\n## search\n\n"
      "A map from variables, any key of `recipe` and any of `inner` with `inner_` before it, to "
      "what\n"
      "the outer loop may make of them:\n\n"
      "```yaml\n"
      "lr: {type: real, low: 1e-6, high: 1e-4, scale: log}\n"
      "batch_size: {type: choice, values: [16, 32]}\n"
      "warmup: {low: 0, high: 0.2, when: {batch_size: 16}}\n"
      "schedule: {}\n"
      "```\n\n"
      "| key | default | meaning |\n|---|---|---|\n"
      "| `type` | the variable's own; `choice` beside `values` | `real`, `integer` (also of a real "
      "one), `choice` |\n"
      "| `low`, `high` | required, but of a choice | bounds, within what the recipe allows; the "
      "recipe's own value must lie between them |\n"
      "| `scale` | `log` of " +
      codes(on_log_scale()) +
      ", else `linear` | as which the model sees it |\n"
      "| `values` | all, where they have names | those of a choice |\n"
      "| `when` | none | a map from choices and integers to a value or several: elsewhere the "
      "recipe's value stands |\n"
      "\n## inner\n\nThe loop that chooses the weights of a run's snapshots, and what other fusion "
      "rules "
      "share.\n\n";
  settings(text, true);
  text += "\n## outer\n\n";
  section(text, "outer");
  text +=
      "\n## What only `runner check` sees\n\n"
      "The schema refuses nothing that the program takes. What it cannot say, `runner check` "
      "does:\n\n";
  for (const OnlyCheck& row : kOnlyCheck) text += fmt::format("- {}\n", row.what);
  text +=
      "\n`runner check --files` opens every file of a run as well, and holds the plan against "
      "rows, disk "
      "and budget.\n";
  return text;
}

}  // namespace runner::spec
