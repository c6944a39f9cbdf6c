#include "spec/check.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string>

#include "fusion/rules.hpp"
#include "io/csv.hpp"
#include "spec/variables.hpp"

namespace runner::spec {
namespace {

const Node* find(const Node& root, std::string_view path) {
  const std::size_t dot = path.find('.');
  const auto entry = std::ranges::find(root.entries, path.substr(0, dot), &Node::Entry::key);
  if (entry == root.entries.end()) return nullptr;
  return dot == std::string_view::npos ? &entry->value : find(entry->value, path.substr(dot + 1));
}

class Check {
 public:
  Check(const Spec& spec, const Node& root, const std::set<std::string_view>& unread,
        Problems& problems)
      : spec_(spec), root_(root), unread_(unread), problems_(problems) {}

  void run() {
    check_search();
    check_soups();
    for (const TaskEntry& entry : spec_.tasks) {
      task_ = &entry;
      check_recipe();
      check_sizes();
      check_snapshots();
    }
  }

 private:
  bool uses_rule(std::string_view rule) const {
    return std::ranges::find(spec_.methods, rule, &Method::rule) != spec_.methods.end();
  }

  bool is_read(std::initializer_list<std::string_view> names) const {
    return std::ranges::none_of(names, [&](auto name) { return unread_.contains(name); });
  }

  // The values that a variable takes in the task: the recipe's, or what is searched.
  std::pair<double, double> span(std::string_view name) const {
    const auto searched = std::ranges::find(spec_.search, name, &bo::Variable::name);
    const double recipe = find_variable(name)->get(task_->recipe);
    if (searched == spec_.search.end()) return {recipe, recipe};
    std::pair<double, double> extremes{HUGE_VAL, -HUGE_VAL};
    if (!searched->when.empty()) extremes = {recipe, recipe};  // where it does not exist
    if (searched->type != bo::Type::choice) {
      return {std::min(extremes.first, searched->low), std::max(extremes.second, searched->high)};
    }
    for (std::size_t i = 0; i < searched->values.size(); ++i) {
      Trial trial;
      apply(trial, *searched, static_cast<double>(i));
      const double value = find_variable(name)->get(trial);
      extremes = {std::min(extremes.first, value), std::max(extremes.second, value)};
    }
    return extremes;
  }
  double lowest(std::string_view name) const { return span(name).first; }
  double highest(std::string_view name) const { return span(name).second; }

  // Where a variable is set: searched, in the task's own recipe, in the common one, or nowhere.
  Place place_of(std::string_view name) const {
    const VariableRow& variable = *find_variable(name);
    const std::string section = variable.is_inner() ? "inner" : "recipe";
    if (const Node* const node = find(root_, fmt::format("search.{}", name))) return node->place;
    if (const Node* const tasks = find(root_, "tasks")) {
      for (const Node& item : tasks->items) {
        const Node* const task = find(item, "name");
        if (task == nullptr || task->text != task_->task.name) continue;
        const Node* const own = find(item, fmt::format("{}.{}", section, variable.key()));
        if (own != nullptr) return own->place;
      }
    }
    for (const std::string& path :
         {fmt::format("{}.{}", section, variable.key()), section, std::string("tasks")}) {
      if (const Node* const node = find(root_, path)) return node->place;
    }
    return root_.place;
  }

  void add(std::string_view variable, std::string message) {
    problems_.add(place_of(variable), std::move(message));
  }

  // The names of methods that choose lambda, or of those that ask a model.
  std::vector<std::string> searches(bool by_model) const {
    std::vector<std::string> names;
    for (const Method& method : spec_.methods) {
      const bool chooses = method.search == Search::random || method.search == Search::grid ||
                           method.search == Search::bo;
      if (by_model ? method.search == Search::bo : chooses) names.push_back(method.name);
    }
    return names;
  }

  void check_search() {
    const Node* const reduction = find(root_, "outer.reduction");
    if (reduction != nullptr && spec_.outer.pruning.empty()) {
      problems_.warn(reduction->place, "outer.reduction: nothing is pruned without outer.pruning");
    }
    const std::vector<std::string> searching = searches(false);
    if (!searching.empty() && find(root_, "search") == nullptr) {
      const Node* const methods = find(root_, "methods");
      problems_.add(methods != nullptr ? methods->place : root_.place,
                    fmt::format("search is missing: {} would have nothing to choose",
                                fmt::join(searching, ", ")));
    }
    if (find(root_, "outer.budget") != nullptr) {
      check_budget();
    } else if (spec_.outer.initial > spec_.outer.trials) {
      const Node* const initial = find(root_, "outer.initial");
      problems_.add(initial != nullptr ? initial->place : root_.place,
                    fmt::format("outer.initial is {}, more than outer.trials, which is {}",
                                spec_.outer.initial, spec_.outer.trials));
    } else if (find(root_, "search") != nullptr) {
      check_modelled(searches(true));
    }
  }

  // Models mix that are functions of one kind, from one start.
  void check_soups() {
    if (std::ranges::find(spec_.methods, Search::soup, &Method::search) == spec_.methods.end()) {
      return;
    }
    for (const char* const name : {"head_init", "target_scale"}) {
      const Node* const searched = find(root_, fmt::format("search.{}", name));
      if (searched == nullptr) continue;
      problems_.add(searched->place,
                    fmt::format("search.{}: soup: mixes the models of a search's runs, which must "
                                "have it in common",
                                name));
    }
  }

  // How many trials a budget buys, and so how many a model proposes, only the data can say
  // (experiment/forecast).
  void check_budget() {
    const Node& budget = *find(root_, "outer.budget");
    if (find(root_, "outer.trials") != nullptr) {
      problems_.add(budget.place,
                    "outer.trials and outer.budget both say when a search ends; give one of the "
                    "two");
    }
    for (const Method& method : spec_.methods) {
      if (method.search != Search::grid) continue;
      problems_.add(
          budget.place,
          fmt::format("outer.budget: the points of {} depend on how many there are, which "
                      "a budget does not say; give outer.trials, or leave {} out",
                      method.name, method.name));
    }
  }

  // A search by a model that never asks it compares nothing.
  void check_modelled(const std::vector<std::string>& methods) {
    const int starts = start_trials(spec_);
    if (methods.empty()) return;
    check_beside(starts);
    const Node* where = &root_;
    for (const char* path : {"methods", "outer", "outer.initial", "outer.trials"}) {
      if (const Node* const node = find(root_, path)) where = node;
    }
    const std::string trials = fmt::format(
        "outer.trials is {} and the first {} are the start design", spec_.outer.trials, starts);
    if (spec_.outer.trials <= starts) {
      problems_.add(
          where->place,
          fmt::format("{}: the model of {} would never be asked; give at least {}, better "
                      "{}",
                      trials, fmt::join(methods, ", "), starts + 1, 2 * starts));
    } else if (spec_.outer.trials < 2 * starts) {
      problems_.warn(where->place, fmt::format("{}: the model chooses fewer than half; {} or more "
                                               "trials would be a search",
                                               trials, 2 * starts));
    }
  }

  // Trials that are chosen side by side from nothing are no search either.
  void check_beside(int starts) {
    const Node* const node = find(root_, "outer.parallel");
    if (node == nullptr || spec_.outer.budget || spec_.outer.trials <= starts) return;
    const int most = spec_.outer.trials - starts;
    if (spec_.outer.parallel <= most) return;
    problems_.add(node->place,
                  fmt::format("outer.parallel is {}: of {} trials none would be chosen with the "
                              "outcomes of the start design, the first {}; give at most {}",
                              spec_.outer.parallel, spec_.outer.trials, starts, most));
  }

  // Every search begins with the recipe.
  void check_recipe() {
    if (searches(false).empty()) return;
    const auto columns = columns_of(spec_.search, task_->recipe);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const bo::Variable& searched = spec_.search[i];
      const VariableRow& variable = *find_variable(searched.name);
      if (!is_read({variable.name}) || columns[i]) continue;
      add(variable.name,
          fmt::format("search.{} leaves out {}, which is the recipe's for {}: every search begins "
                      "with the recipe",
                      searched.name, variable.written(variable.get(task_->recipe)),
                      task_->task.name));
    }
  }

  void check_sizes() {
    if (is_read({"accumulation", "batch_size"}) && highest("accumulation") > lowest("batch_size")) {
      add("accumulation",
          fmt::format("accumulation is {}, more micro-batches than a batch of {} has rows",
                      highest("accumulation"), lowest("batch_size")));
    }
    if (is_read({"batch_size"}) && spec_.max_train_rows > 0 &&
        highest("batch_size") > spec_.max_train_rows) {
      add("batch_size", fmt::format("batch_size is {}, more than the {} rows that "
                                    "data.max_train_rows leaves",
                                    highest("batch_size"), spec_.max_train_rows));
    }
    if (is_read({"ema_decay"}) && uses_rule("ema") && lowest("ema_decay") <= 0.0) {
      add("ema_decay", "method 'ema' needs recipe.ema_decay above 0, such as 0.99");
    }
  }

  // Upper bound of a run's steps by what the spec says; infinite when the data decide.
  double most_steps() const {
    if (lowest("max_steps") > 0) return lowest("max_steps");
    if (spec_.max_train_rows == 0) return HUGE_VAL;
    return std::ceil(lowest("epochs") * std::ceil(spec_.max_train_rows / highest("batch_size")));
  }

  void check_snapshots() {
    if (!is_read({"snapshots"})) return;
    const double snapshots = highest("snapshots");
    if (is_read({"max_steps", "epochs", "batch_size", "snapshot_start"})) {
      const double start = highest("snapshot_start");
      const double steps = std::ceil(most_steps() * (1.0 - start));
      if (snapshots > steps) {
        add("snapshots", fmt::format("snapshots is {}, more than the {} steps after snapshot_start "
                                     "({})",
                                     snapshots, steps, io::number(start)));
      }
    }
    if (is_read({"inner_last_k"}) && uses_rule("lawa") && highest("inner_last_k") > snapshots) {
      add("inner_last_k", fmt::format("inner.last_k is {}, more than the {} snapshots",
                                      highest("inner_last_k"), snapshots));
    }
    const bool searches = uses_rule("bo") || uses_rule("ehvi");
    if (is_read({"inner_evaluations"}) && searches && snapshots > 1) check_inner();
    check_objectives();
  }

  // Two objectives that are one make no front.
  void check_objectives() {
    const fusion::Options& options = task_->recipe.fusion;
    for (const Method& method : spec_.methods) {
      if (method.rule != "ehvi" || !method.objectives.empty()) continue;
      if (options.objective != options.second) continue;
      add("inner_objective",
          fmt::format("inner.objective is {}, which is the second objective of {} already; write "
                      "{{fuse: {{ehvi: [selection_loss, selection_score]}}}} or the like",
                      fusion::kObjectiveNames[static_cast<std::size_t>(options.objective)],
                      method.name));
    }
  }

  // The inner loop is never worse than the best snapshot or their mean because it starts there.
  void check_inner() {
    const auto snapshots = static_cast<int>(highest("snapshots"));
    Trial trial = task_->recipe;  // bf16, which has more starts, where any trial's may be
    for (const std::string_view name : {"precision", "inner_precision"}) {
      find_variable(name)->set(trial, highest(name));
    }
    const auto starts =
        static_cast<double>(fusion::inner_starts(snapshots, trial.fusion_precision()).size());
    const double evaluations = lowest("inner_evaluations");
    if (evaluations >= 2 * starts) return;
    const std::string spent = fmt::format("inner.evaluations is {} and {} snapshots make {} starts",
                                          evaluations, snapshots, starts);
    if (evaluations <= starts) {
      add("inner_evaluations",
          fmt::format(
              "{}: the inner loop's model would never be asked; give at least {}, better {}", spent,
              starts + 1, 2 * starts));
    } else {
      problems_.warn(
          place_of("inner_evaluations"),
          fmt::format("{}: the model chooses fewer than half; give {} or more", spent, 2 * starts));
    }
  }

  const Spec& spec_;
  const Node& root_;
  const std::set<std::string_view>& unread_;
  Problems& problems_;
  const TaskEntry* task_ = nullptr;
};

}  // namespace

void check(const Spec& spec, const Node& root, const std::set<std::string_view>& unread,
           Problems& problems) {
  Check(spec, root, unread, problems).run();
}

}  // namespace runner::spec
