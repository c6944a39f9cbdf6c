#include "experiment/outer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "bo/conditions.hpp"
#include "bo/encoding.hpp"
#include "experiment/pruning.hpp"
#include "io/error.hpp"
#include "random/philox.hpp"
#include "spec/variables.hpp"

namespace runner::experiment {
namespace {

bo::Space search_space(const Cell& cell) { return {.variables = cell.spec->search}; }

// Most levels that make sense on an axis.
double most_levels(const bo::Variable& variable) {
  switch (variable.type) {
    case bo::Type::choice:
      return static_cast<double>(variable.values.size());
    case bo::Type::integer:
      return variable.high - variable.low + 1.0;
    default:
      return variable.high > variable.low ? HUGE_VAL : 1.0;
  }
}

bo::Point point_of(const TrialRecord& trial) {
  bo::Point point;
  for (const auto& [name, value] : trial.lambda) point.push_back(value);
  return point;
}

// Where every search begins: the recipe, then the spec's known good settings. A recipe outside of
// the space has no point; the spec's check refuses it.
std::vector<bo::Point> known_points(const Cell& cell) {
  const std::vector<bo::Variable>& search = cell.spec->search;
  const auto columns = spec::columns_of(search, cell.task->recipe);
  bo::Point recipe;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (!columns[i])
      throw InputError(fmt::format("{}: the recipe lies outside of search", search[i].name));
    recipe.push_back(*columns[i]);
  }
  const bo::Space space = search_space(cell);
  const bo::Encoding encoding(space);
  std::vector<bo::Point> points = {encoding.checked(recipe, "recipe")};
  for (bo::Point start : cell.spec->outer.starts) {
    for (std::size_t i = 0; i < start.size(); ++i) {
      if (std::isnan(start[i])) start[i] = recipe[i];
    }
    points.push_back(encoding.checked(start, "start"));
  }
  return points;
}

void propose_by_model(const Cell& cell, std::span<const TrialRecord> history, TrialRecord& proposed,
                      bo::Point& point) {
  const spec::Outer& outer = cell.spec->outer;
  bo::Options options;
  options.starts = known_points(cell);
  options.beta = outer.beta;
  options.noise = outer.noise;
  if (cell.method->search == spec::Search::random) {
    options.initial = static_cast<int>(history.size()) + 1;  // the start design, nothing else
  } else {
    options.acquisition = cell.method->outer;
    options.initial = spec::start_trials(*cell.spec);
  }
  std::vector<bo::Observation> observations = observations_of(history);
  for (std::size_t i = known_outcomes(cell, history.size()); i < observations.size(); ++i) {
    observations[i].y = 0.0;
    observations[i].status = bo::Status::pending;
  }
  const std::uint64_t seed =
      random::derive(random::derive(cell.seed, "outer"), cell.task->task.name);
  bo::Suggestion next = bo::suggest(search_space(cell), observations, options, seed);
  point = std::move(next.x);
  proposed.proposal = make_proposal(next);
  if (point == options.starts.front()) proposed.proposal.source = "recipe";
}

// The recipe, and a grid of what trials are left. A recipe on the grid is not tried twice.
std::vector<bo::Point> grid_points(const Cell& cell) {
  const bo::Point recipe = known_points(cell).front();
  std::vector<bo::Point> points = {recipe};
  if (cell.spec->outer.trials == 1) return points;  // a grid's spec has no budget
  for (bo::Point& point : make_grid(search_space(cell), cell.spec->outer.trials - 1)) {
    if (point != recipe) points.push_back(std::move(point));
  }
  return points;
}

// The first point of the grid that was not tried yet: a grid that has grown since is completed.
bool propose_from_grid(const Cell& cell, std::span<const TrialRecord> history, bo::Point& point) {
  std::set<bo::Point> tried;
  for (const TrialRecord& trial : history) tried.insert(point_of(trial));
  for (bo::Point& candidate : grid_points(cell)) {
    if (tried.contains(candidate)) continue;
    point = std::move(candidate);
    return true;
  }
  return false;
}

// Of what is mixed, so that a donor that has gone on makes another soup.
std::uint64_t soup_seed(const Cell& cell, std::span<const TrialRecord> donated) {
  std::uint64_t seed = random::derive(cell.seed, "soup");
  for (const TrialRecord& trial : donated) {
    if (!trial.has_result()) continue;
    std::string text = fmt::format("{} {}", trial.trial, trial.run_seed);
    for (const auto& [name, value] : trial.lambda) text += fmt::format(" {}", value);
    for (const double weight : trial.alpha) text += fmt::format(" {}", weight);
    seed = random::derive(seed, text);
  }
  if (best_trial(donated) < 0) {
    throw InputError(
        fmt::format("{} has no result that {} could mix", cell.method->of, cell.method->name));
  }
  return seed;
}

}  // namespace

std::vector<bo::Observation> observations_of(std::span<const TrialRecord> history) {
  std::vector<bo::Observation> observations;
  for (const TrialRecord& trial : history) {
    observations.push_back({.x = point_of(trial),
                            .y = trial.objective,
                            .status = trial.has_result() ? bo::Status::ok : bo::Status::failed,
                            .warm_start = trial.proposal.warm_start,
                            .nominees = trial.proposal.nominees});
  }
  return observations;
}

std::vector<bo::Point> make_grid(const bo::Space& space, int points) {
  const std::size_t axes = space.variables.size();
  std::vector<int> levels(axes, 1);
  int size = 1;
  for (;;) {  // one more level for the axis with the fewest, as long as one fits
    std::size_t chosen = axes;
    for (std::size_t i = 0; i < axes; ++i) {
      const bool fits = levels[i] + 1 <= most_levels(space.variables[i]) &&
                        size / levels[i] * (levels[i] + 1) <= points;
      if (fits && (chosen == axes || levels[i] < levels[chosen])) chosen = i;
    }
    if (chosen == axes) break;
    size = size / levels[chosen] * (levels[chosen] + 1);
    ++levels[chosen];
  }
  const bo::Encoding encoding(space);
  std::vector<bo::Point> grid;
  std::set<bo::Point> made;
  for (int index = 0; index < size; ++index) {  // the last axis varies fastest
    std::vector<double> u;
    int rest = index;
    for (std::size_t i = axes; i-- > 0; rest /= levels[i]) {
      if (most_levels(space.variables[i]) == 1.0) continue;  // a constant has no coordinate
      u.push_back((rest % levels[i] + 0.5) / levels[i]);
    }
    std::ranges::reverse(u);
    bo::Point point = encoding.from_cube(u);
    // Combinations that differ only in what does not exist are one point.
    if (made.insert(point).second) grid.push_back(std::move(point));
  }
  return grid;
}

std::size_t known_outcomes(const Cell& cell, std::size_t trials) {
  const auto beside = static_cast<std::size_t>(cell.spec->outer.parallel) - 1;
  return trials - std::min(trials, beside);
}

double amount_of(const Budget& budget, spec::BudgetUnit unit) {
  switch (unit) {
    case spec::BudgetUnit::examples:
      return static_cast<double>(budget.examples);
    case spec::BudgetUnit::flops:
      return budget.flops;
    case spec::BudgetUnit::seconds:
      break;
  }
  return budget.train_seconds + budget.fusion_seconds + budget.evaluate_seconds;
}

double spent(std::span<const TrialRecord> trials, spec::BudgetUnit unit) {
  double sum = 0.0;
  for (const TrialRecord& trial : trials) sum += amount_of(trial.budget, unit);
  return sum;
}

std::optional<int> planned_trials(const Cell& cell) {
  switch (cell.method->search) {
    case spec::Search::none:
    case spec::Search::soup:
      return 1;
    case spec::Search::grid:
      return static_cast<int>(grid_points(cell).size());
    case spec::Search::refuse:
      return planned_trials(*donor_of(cell));
    case spec::Search::confirm:
      return cell.spec->confirm;
    default:
      if (cell.spec->outer.budget) return {};
      return cell.spec->outer.trials;
  }
}

std::size_t admitted_trials(const Cell& cell, std::span<const TrialRecord> history,
                            std::span<const TrialRecord> donated) {
  if (const std::optional<int> planned = planned_trials(cell)) {
    return std::min(history.size(), static_cast<std::size_t>(*planned));
  }
  if (donor_of(cell)) return std::min(history.size(), donated.size());
  const spec::BudgetLimit& budget = *cell.spec->outer.budget;
  double sum = 0.0;
  std::size_t count = 0;
  while (count < history.size() && sum < budget.amount) {
    sum += amount_of(history[count++].budget, budget.unit);
  }
  return count;
}

bool has_ended(const Cell& cell, std::span<const TrialRecord> history,
               std::span<const TrialRecord> donated) {
  if (const std::optional<int> planned = planned_trials(cell)) {
    return history.size() >= static_cast<std::size_t>(*planned);
  }
  if (const std::optional<Cell> donor = donor_of(cell)) {
    return has_ended(*donor, donated) && history.size() >= donated.size();
  }
  const spec::BudgetLimit& budget = *cell.spec->outer.budget;
  return spent(history, budget.unit) >= budget.amount;
}

int expected_trials(const Cell& cell, std::span<const TrialRecord> history) {
  if (const std::optional<int> planned = planned_trials(cell)) return *planned;
  const spec::BudgetLimit& budget = *cell.spec->outer.budget;
  const double sum = spent(history, budget.unit);
  const auto count = static_cast<int>(history.size());
  if (sum <= 0.0) return std::max(count, spec::start_trials(*cell.spec));
  if (sum >= budget.amount) return count;
  constexpr double kMost = 1e6;
  return static_cast<int>(std::clamp(std::ceil(budget.amount * count / sum), count + 1.0, kMost));
}

std::optional<Cell> donor_of(const Cell& cell) {
  if (cell.method->of.empty()) return {};
  const auto& methods = cell.spec->methods;
  const auto donor = std::ranges::find(methods, cell.method->of, &spec::Method::name);
  if (donor == methods.end()) {
    throw InputError(fmt::format("{}: there is no method {}", cell.method->name, cell.method->of));
  }
  Cell other = cell;
  other.method = &*donor;
  return other;
}

std::optional<TrialRecord> propose_trial(const Cell& cell, std::span<const TrialRecord> history,
                                         std::span<const TrialRecord> donated) {
  if (has_ended(cell, history, donated)) return std::nullopt;
  const auto trial = static_cast<int>(history.size());
  TrialRecord proposed{.task = cell.task->task.name,
                       .method = cell.method->name,
                       .seed = cell.seed,
                       .trial = trial,
                       .run_seed = cell.seed};
  bo::Point point;
  switch (cell.method->search) {
    case spec::Search::none:
      proposed.proposal.source = "recipe";
      break;
    case spec::Search::restarts:
      proposed.proposal.source = "restart";
      if (trial > 0) {
        proposed.run_seed = random::derive(cell.seed, "restart", static_cast<std::uint64_t>(trial));
      }
      break;
    case spec::Search::grid:
      proposed.proposal.source = history.empty() ? "recipe" : "grid";
      if (!propose_from_grid(cell, history, point)) return std::nullopt;
      break;
    case spec::Search::random:
    case spec::Search::bo:
      propose_by_model(cell, history, proposed, point);
      break;
    case spec::Search::refuse: {
      if (history.size() >= donated.size()) {
        throw InputError(fmt::format("{} has no trial {} yet, whose run {} would fuse again",
                                     cell.method->of, trial, cell.method->name));
      }
      const TrialRecord& from = donated[history.size()];
      proposed.proposal.source = "refuse";
      proposed.run_seed = from.run_seed;
      proposed.rungs = from.rungs;
      point = point_of(from);
      break;
    }
    case spec::Search::confirm: {
      const int best = best_trial({donated.begin(), donated.end()});
      if (best < 0) {
        throw InputError(fmt::format("{} has no result that {} could confirm", cell.method->of,
                                     cell.method->name));
      }
      proposed.proposal.source = "confirm";
      proposed.run_seed = random::derive(cell.seed, "confirm", static_cast<std::uint64_t>(trial));
      point = point_of(donated[static_cast<std::size_t>(best)]);
      break;
    }
    case spec::Search::soup:
      proposed.proposal.source = "soup";
      proposed.run_seed = soup_seed(cell, donated);
      break;
  }
  for (std::size_t i = 0; i < point.size(); ++i) {
    proposed.lambda.emplace_back(cell.spec->search[i].name, point[i]);
  }
  if (proposed.rungs.empty()) proposed.rungs = next_rungs(cell, proposed, history);
  return proposed;
}

bool can_take(const Cell& cell, std::size_t trial, std::span<const TrialRecord> donated) {
  if (cell.method->search == spec::Search::refuse) return trial < donated.size();
  return has_ended(*donor_of(cell), donated) && best_trial({donated.begin(), donated.end()}) >= 0;
}

std::size_t agreeing_trials(const Cell& cell, std::span<const TrialRecord> history,
                            std::span<const TrialRecord> donated) {
  std::size_t agreeing = 0;
  while (agreeing < history.size() && can_take(cell, agreeing, donated)) {
    const auto wanted = propose_trial(cell, history.first(agreeing), donated);
    if (!wanted || wanted->lambda != history[agreeing].lambda ||
        wanted->run_seed != history[agreeing].run_seed) {
      break;
    }
    ++agreeing;
  }
  return agreeing;
}

std::vector<Ingredient> ingredients_of(const Cell& cell, std::span<const TrialRecord> donated) {
  const Cell donor = *donor_of(cell);
  std::vector<Ingredient> ingredients;
  for (const TrialRecord& trial : donated) {
    if (trial.has_result()) ingredients.push_back({request_of(donor, trial), trial.alpha});
  }
  return ingredients;
}

Budget sum_of(std::span<const TrialRecord> trials) {
  Budget sum;
  for (const TrialRecord& trial : trials) {
    sum.examples += trial.budget.examples;
    sum.tokens += trial.budget.tokens;
    sum.flops += trial.budget.flops;
    sum.train_seconds += trial.budget.train_seconds;
    sum.fusion_seconds += trial.budget.fusion_seconds;
    sum.evaluate_seconds += trial.budget.evaluate_seconds;
  }
  return sum;
}

std::vector<bool> existing(const Cell& cell, const TrialRecord& trial) {
  if (cell.method->search == spec::Search::soup) {
    return std::vector<bool>(cell.spec->search.size());  // its ingredients differ in them
  }
  if (trial.lambda.empty()) return {};
  return bo::existing(search_space(cell), point_of(trial));
}

spec::Trial settings(const Cell& cell, const TrialRecord& proposed) {
  spec::Trial trial = cell.task->recipe;
  trial.fusion.rule = cell.method->rule;
  if (!cell.method->inner.empty()) trial.fusion.acquisition = cell.method->inner;
  const std::vector<fusion::Objective>& objectives = cell.method->objectives;
  if (!objectives.empty()) trial.fusion.objective = objectives.front();
  if (objectives.size() > 1) trial.fusion.second = objectives.back();
  const std::vector<bool> exists = existing(cell, proposed);
  for (std::size_t i = 0; i < proposed.lambda.size(); ++i) {
    if (exists[i]) spec::apply(trial, cell.spec->search[i], proposed.lambda[i].second);
  }
  trial.fusion.precision = trial.fusion_precision();
  return trial;
}

RunRequest request_of(const Cell& cell, const TrialRecord& proposed) {
  return {.task = proposed.task,
          .seed = proposed.run_seed,
          .split_seed = proposed.seed,
          .options = settings(cell, proposed).train,
          .rungs = proposed.rungs};
}

}  // namespace runner::experiment
