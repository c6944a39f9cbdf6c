#include "spec/space.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "io/csv.hpp"
#include "spec/variables.hpp"

namespace runner::spec {
namespace {

using bo::Type;

constexpr std::string_view kTypes[] = {"real", "integer", "choice", "simplex"};  // as bo::Type
constexpr std::string_view kScales[] = {"linear", "log"};
constexpr std::string_view kGoals[] = {"minimise", "maximise"};
constexpr double kLargestSimplex = 1000;

// `low`, `high` and `scale` of a real or an integer.
void read_bounds(Section& section, const Variable* row, bo::Variable& variable,
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
void read_values(Section& section, const Variable* row, bo::Variable& variable,
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
    if (std::ranges::find(variable.values, *text) != variable.values.end()) {
      problems.add(item->place, fmt::format("{}: '{}' is listed twice", what, *text));
    } else {
      variable.values.push_back(*text);
    }
  }
}

bo::Variable read_variable(const Node::Entry& entry, std::string what, const Variable* row,
                           Problems& problems) {
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
  section.finish();
  return variable;
}

}  // namespace

std::vector<bo::Variable> parse_variables(const Node& node, std::string_view what, Names names,
                                          Problems& problems) {
  std::vector<bo::Variable> read;
  const Section section(node, std::string(what), problems);  // reports what is not a map
  if (node.kind == Node::Kind::map && node.entries.empty()) {
    problems.add(node.place, fmt::format("{}: no variables", what));
  }
  for (const Node::Entry& entry : node.entries) {
    const Variable* row = nullptr;
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
    read.push_back(read_variable(entry, section.path(entry.key), row, problems));
  }
  return read;
}

std::string written(const bo::Variable& variable) {
  switch (variable.type) {
    case Type::choice: {
      std::vector<std::string> values;
      for (const std::string& value : variable.values) values.push_back(yaml_text(value));
      return fmt::format("{{type: choice, values: [{}]}}", fmt::join(values, ", "));
    }
    case Type::simplex:
      return fmt::format("{{type: simplex, size: {}}}", variable.size);
    case Type::real:
    case Type::integer:
      break;
  }
  return fmt::format("{{type: {}, low: {}, high: {}, scale: {}}}",
                     kTypes[static_cast<std::size_t>(variable.type)],
                     written(variable, variable.low), written(variable, variable.high),
                     variable.log ? "log" : "linear");
}

std::vector<std::string> SuggestSpace::columns() const {
  std::vector<std::string> names;
  for (const bo::Variable& variable : space.variables) {
    if (variable.type != Type::simplex) {
      names.push_back(variable.name);
      continue;
    }
    for (int i = 1; i <= variable.size; ++i)
      names.push_back(fmt::format("{}_{}", variable.name, i));
  }
  return names;
}

SuggestSpace load_space(const std::filesystem::path& file) {
  Problems problems;
  const Document document = load_document(file, {}, problems);
  problems.throw_if_any();
  SuggestSpace space;
  Section section(document.root, "", problems);
  if (const Node* const goal = section.get("goal")) {
    const auto index = read_name(*goal, "goal", kGoals, problems);
    if (index) space.maximise = *index == 1;
  }
  if (const Node* const objective = section.get("objective")) {
    space.objective = read_text(*objective, "objective", problems).value_or("");
  }
  if (const Node* const variables = section.require("variables")) {
    space.space.variables = parse_variables(*variables, "variables", Names::any, problems);
    std::set<std::string> taken = {"status", space.objective};
    for (const std::string& column : space.columns()) {
      if (taken.insert(column).second) continue;
      problems.add(variables->place,
                   fmt::format("two columns of the history would be called '{}'", column));
    }
  }
  section.finish();
  problems.throw_if_any();
  return space;
}

}  // namespace runner::spec
