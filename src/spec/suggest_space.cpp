#include "spec/suggest_space.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "bo/acquisition.hpp"
#include "spec/space.hpp"

namespace runner::spec {
namespace {

constexpr std::string_view kGoals[] = {"minimise", "maximise"};
constexpr std::size_t kMostGoals = 2;  // expected hypervolume improvement is of two

// What a key says for each objective: one value for all, a list in their order, or a map by name.
// Null: nothing.
std::vector<const Node*> per_objective(Section& section, std::string_view key,
                                       const std::vector<Goal>& goals, Problems& problems) {
  std::vector<const Node*> nodes(goals.size());
  const Node* const node = section.get(key);
  if (node == nullptr) return nodes;
  if (node->kind == Node::Kind::map) {
    Section map(*node, std::string(key), problems);
    for (std::size_t i = 0; i < goals.size(); ++i) nodes[i] = map.get(goals[i].objective);
    map.finish();
  } else if (node->kind == Node::Kind::scalar) {
    std::ranges::fill(nodes, node);
  } else {
    std::vector<const Node*> items = read_list(*node, key, problems);
    if (items.size() == goals.size()) return items;
    problems.add(node->place, fmt::format("{} has {} entries for {} objectives", key, items.size(),
                                          goals.size()));
  }
  return nodes;
}

void read_goals(Section& section, std::vector<Goal>& goals, Problems& problems) {
  if (const Node* const objective = section.get("objective")) {
    for (const Node* item : read_list(*objective, "objective", problems)) {
      goals.push_back({.objective = read_text(*item, "objective", problems).value_or("")});
    }
    if (goals.size() > kMostGoals) {
      problems.add(objective->place,
                   fmt::format("objective: {} of them; {} are the most", goals.size(), kMostGoals));
    }
  }
  if (goals.empty()) goals.emplace_back();
  const auto directions = per_objective(section, "goal", goals, problems);
  const auto stddevs = per_objective(section, "stddev", goals, problems);
  const auto variances = per_objective(section, "variance", goals, problems);
  for (std::size_t i = 0; i < goals.size(); ++i) {
    if (directions[i] != nullptr) {
      goals[i].maximise = read_name(*directions[i], "goal", kGoals, problems) == 1;
    }
    if (stddevs[i] != nullptr && variances[i] != nullptr) {
      problems.add(variances[i]->place,
                   fmt::format("stddev and variance of '{}': one says it all", goals[i].objective));
    }
    const Node* const noise = stddevs[i] != nullptr ? stddevs[i] : variances[i];
    if (noise == nullptr) continue;
    goals[i].noise =
        read_text(*noise, noise == stddevs[i] ? "stddev" : "variance", problems).value_or("");
    goals[i].is_variance = noise == variances[i];
  }
}

}  // namespace

std::vector<std::string> SuggestSpace::columns() const {
  std::vector<std::string> names;
  for (const bo::Variable& variable : space.variables) {
    if (variable.type != bo::Type::simplex) {
      names.push_back(variable.name);
      continue;
    }
    for (int i = 1; i <= variable.size; ++i)
      names.push_back(fmt::format("{}_{}", variable.name, i));
  }
  return names;
}

std::vector<std::string> SuggestSpace::nominee_columns() const {
  std::vector<std::string> names;
  for (const bo::Acquisition& row : bo::acquisitions()) {
    for (const std::string& column : columns()) {
      names.push_back(fmt::format("hedge_{}_{}", row.name, column));
    }
  }
  return names;
}

SuggestSpace load_space(const std::filesystem::path& file) {
  Problems problems;
  const Document document = load_document(file, {}, problems);
  problems.throw_if_any();
  SuggestSpace space;
  Section section(document.root, "", problems);
  read_goals(section, space.goals, problems);
  if (const Node* const variables = section.require("variables")) {
    space.space.variables = parse_variables(*variables, "variables", Names::any, problems);
    std::vector<std::string> columns = space.columns();
    for (const Goal& goal : space.goals) {
      columns.push_back(goal.objective);
      if (!goal.noise.empty()) columns.push_back(goal.noise);
    }
    const std::vector<std::string> nominees = space.nominee_columns();
    columns.insert(columns.end(), nominees.begin(), nominees.end());
    std::set<std::string> taken = {"status"};
    for (const std::string& column : columns) {
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
