#include "spec/space.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "bo/conditions.hpp"
#include "io/csv.hpp"
#include "spec/text_value.hpp"
#include "spec/variables.hpp"

namespace runner::spec {
namespace {

using bo::Type;

constexpr std::string_view kTypes[] = {"real", "integer", "choice", "simplex"};  // as bo::Type
constexpr std::string_view kScales[] = {"linear", "log"};
constexpr double kLargestSimplex = 1000;

// `low`, `high` and `scale` of a real or an integer.
void read_bounds(Section& section, const VariableRow* row, bo::Variable& variable,
                 Problems& problems) {
  const Range range = row != nullptr ? row->range : Range{};
  const auto read = [&](const Node* node, std::string_view key) -> std::optional<double> {
    if (node == nullptr) return {};
    if (variable.type == Type::real) return read_number(*node, section.path(key), range, problems);
    const auto whole = read_integer(*node, section.path(key), range, problems);
    if (!whole) return {};
    return static_cast<double>(*whole);
  };
  const Node* const low = section.require("low");
  const Node* const high = section.require("high");
  const auto low_value = read(low, "low");
  const auto high_value = read(high, "high");
  variable.low = low_value.value_or(0.0);
  variable.high = high_value.value_or(1.0);
  if (const Node* const scale = section.get("scale")) {
    const auto index = read_name(*scale, section.path("scale"), kScales, problems);
    if (index) variable.log = *index == 1;
  } else {
    variable.log = row != nullptr && row->log && variable.low > 0.0;
  }
  if (low_value && high_value && variable.low > variable.high) {
    problems.add(low->place, fmt::format("{} is {}, above {}, which is {}", section.path("low"),
                                         low->text, section.path("high"), high->text));
  } else if (low_value && variable.log && variable.low <= 0.0) {
    problems.add(low->place, fmt::format("{} is {}; with 'scale: log' it must be above 0",
                                         section.path("low"), low->text));
  }
}

// `values` of a choice; a row of named values allows them all when the spec has none.
void read_values(Section& section, const VariableRow* row, bo::Variable& variable,
                 Problems& problems) {
  const bool named = row != nullptr && row->type == Type::choice;
  const Node* const values = named ? section.get("values") : section.require("values");
  if (values == nullptr) {
    if (named) variable.values.assign(row->values.begin(), row->values.end());
    return;
  }
  const std::string what = section.path("values");
  for (const Node* item : read_list(*values, what, problems)) {
    const auto text = read_text(*item, what, problems);
    if (!text || (row != nullptr && !row->read(*item, what, problems))) continue;
    const auto same = std::ranges::find_if(variable.values, [&](const std::string& value) {
      return value == *text || (as_number(value) && as_number(value) == as_number(*text));
    });
    if (same == variable.values.end()) {
      variable.values.push_back(*text);
    } else {
      problems.add(item->place, fmt::format("{}: '{}' is listed twice{}", what, *text,
                                            *same == *text ? "" : fmt::format(", as '{}'", *same)));
    }
  }
}

// The values of `parent` that a condition on it names.
std::vector<double> read_condition(const Node& node, const std::string& what,
                                   const bo::Variable& parent, Problems& problems) {
  std::vector<double> values;
  for (const Node* item : read_list(node, what, problems)) {
    if (parent.type == Type::integer) {
      const auto value = read_integer(*item, what, {parent.low, parent.high}, problems);
      if (value) values.push_back(static_cast<double>(*value));
      continue;
    }
    const auto text = read_text(*item, what, problems);
    if (!text) continue;
    if (const auto index = find_value(parent, *text)) {
      values.push_back(static_cast<double>(*index));
    } else {
      const std::vector<std::string_view> known(parent.values.begin(), parent.values.end());
      problems.add(item->place, unknown("value of " + what, *text, known));
    }
  }
  return values;
}

// `when` of the variable at `index`.
void read_when(const Node& node, const std::string& what, std::size_t index,
               std::vector<bo::Variable>& variables, Problems& problems) {
  const Section section(node, what, problems);  // reports what is not a map
  if (node.kind == Node::Kind::map && node.entries.empty()) {
    problems.add(node.place, fmt::format("{}: no condition", what));
  }
  for (const Node::Entry& entry : node.entries) {
    const auto parent = std::ranges::find(variables, entry.key, &bo::Variable::name);
    if (parent == variables.end()) {
      std::vector<std::string_view> names;
      for (const bo::Variable& variable : variables) names.push_back(variable.name);
      problems.add(entry.place, unknown("variable in " + what, entry.key, names));
    } else if (parent->type != Type::choice && parent->type != Type::integer) {
      problems.add(entry.place,
                   fmt::format("{}: '{}' is {}; a condition can be on a choice or an "
                               "integer",
                               what, entry.key, kTypes[static_cast<std::size_t>(parent->type)]));
    } else {
      std::vector<double> values =
          read_condition(entry.value, section.path(entry.key), *parent, problems);
      variables[index].when.push_back(
          {static_cast<std::size_t>(parent - variables.begin()), std::move(values)});
    }
  }
}

// Variables that depend on themselves, each cycle once, at the first one's condition.
void check_cycles(const std::vector<bo::Variable>& variables, const std::vector<const Node*>& when,
                  std::string_view what, Problems& problems) {
  const bo::Space space{variables};
  for (std::size_t i = 0; i < variables.size(); ++i) {
    const std::vector<std::size_t> cycle = bo::cycle_through(space, i);
    if (cycle.empty() || std::ranges::min(cycle) != i) continue;
    std::string way;
    for (const std::size_t k : cycle) way += variables[k].name + " on ";
    problems.add(when[i]->place, fmt::format("{}.{}.when: it depends on itself ({}{})", what,
                                             variables[i].name, way, variables[i].name));
  }
}

bo::Variable read_variable(const Node::Entry& entry, std::string what, const VariableRow* row,
                           Problems& problems, const Node*& when) {
  bo::Variable variable;
  variable.name = entry.key;
  Section section(entry.value, std::move(what), problems);
  const Node* const type = row != nullptr ? section.get("type") : section.require("type");
  if (type != nullptr) {
    const auto index = read_name(*type, section.path("type"), kTypes, problems);
    if (!index) return variable;  // which keys are right depends on the type
    variable.type = static_cast<Type>(*index);
  } else if (row == nullptr) {
    return variable;
  } else {
    const bool has_values = std::ranges::find(entry.value.entries, "values", &Node::Entry::key) !=
                            entry.value.entries.end();
    variable.type = has_values ? Type::choice : row->type;
  }
  const bool whole_real =
      row != nullptr && row->type == Type::real && variable.type == Type::integer;
  const bool unlike_row =
      row != nullptr && variable.type != Type::choice && variable.type != row->type && !whole_real;
  if (unlike_row) {
    problems.add(type->place,
                 fmt::format("{} cannot be {}; '{}' is {} or choice", section.path("type"),
                             kTypes[static_cast<std::size_t>(variable.type)], entry.key,
                             kTypes[static_cast<std::size_t>(row->type)]));
    return variable;
  }
  switch (variable.type) {
    case Type::real:
    case Type::integer:
      read_bounds(section, row, variable, problems);
      break;
    case Type::choice:
      read_values(section, row, variable, problems);
      break;
    case Type::simplex:
      if (const Node* const size = section.require("size")) {
        const Range range{.low = 1, .high = kLargestSimplex};
        const auto read = read_integer(*size, section.path("size"), range, problems);
        if (read) variable.size = static_cast<int>(*read);
      }
      break;
  }
  when = section.get("when");
  section.finish();
  return variable;
}

}  // namespace

std::vector<bo::Variable> parse_variables(const Node& node, std::string_view what, Names names,
                                          Problems& problems) {
  std::vector<bo::Variable> read;
  std::vector<const Node*> when;                             // of each
  const Section section(node, std::string(what), problems);  // reports what is not a map
  if (node.kind == Node::Kind::map && node.entries.empty()) {
    problems.add(node.place, fmt::format("{}: no variables", what));
  }
  for (const Node::Entry& entry : node.entries) {
    const VariableRow* row = nullptr;
    if (names == Names::table) {
      row = find_variable(entry.key);
      if (row == nullptr) {
        problems.add(entry.place, unknown("variable", entry.key, variable_names()));
        continue;
      }
    }
    if (entry.value.kind == Node::Kind::null) {
      problems.add(entry.place, fmt::format("{} has no value", section.path(entry.key)));
      continue;
    }
    read.push_back(
        read_variable(entry, section.path(entry.key), row, problems, when.emplace_back()));
  }
  for (std::size_t i = 0; i < read.size(); ++i) {
    if (when[i] == nullptr) continue;
    read_when(*when[i], section.path(read[i].name) + ".when", i, read, problems);
  }
  check_cycles(read, when, what, problems);
  return read;
}

std::string written(const bo::Variable& variable, const std::vector<bo::Variable>& all) {
  const auto list = [](const bo::Variable& of, const auto& values) {
    std::vector<std::string> texts;
    for (const double value : values) texts.push_back(yaml_text(written(of, value)));
    return fmt::format("[{}]", fmt::join(texts, ", "));
  };
  std::string text = fmt::format("type: {}", kTypes[static_cast<std::size_t>(variable.type)]);
  switch (variable.type) {
    case Type::choice: {
      std::vector<double> indices(variable.values.size());
      std::iota(indices.begin(), indices.end(), 0.0);
      text += ", values: " + list(variable, indices);
      break;
    }
    case Type::simplex:
      text += fmt::format(", size: {}", variable.size);
      break;
    case Type::real:
    case Type::integer:
      text += fmt::format(", low: {}, high: {}, scale: {}", written(variable, variable.low),
                          written(variable, variable.high), variable.log ? "log" : "linear");
      break;
  }
  std::vector<std::string> conditions;
  for (const bo::Condition& condition : variable.when) {
    const bo::Variable& parent = all[condition.parent];
    conditions.push_back(
        fmt::format("{}: {}", yaml_text(parent.name), list(parent, condition.values)));
  }
  if (!conditions.empty()) text += fmt::format(", when: {{{}}}", fmt::join(conditions, ", "));
  return fmt::format("{{{}}}", text);
}

}  // namespace runner::spec
