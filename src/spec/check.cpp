#include "spec/check.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string>

#include "io/csv.hpp"
#include "spec/methods.hpp"
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
    for (const TaskEntry& entry : spec_.tasks) {
      task_ = &entry;
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
    if (searched == spec_.search.end()) {
      const double value = find_variable(name)->get(task_->recipe);
      return {value, value};
    }
    if (searched->type != bo::Type::choice) return {searched->low, searched->high};
    std::pair<double, double> extremes{HUGE_VAL, -HUGE_VAL};
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
    const Variable& variable = *find_variable(name);
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

  void check_search() {
    std::vector<std::string> searching;
    for (const Method& method : spec_.methods) {
      const auto kind = std::ranges::find(method_kinds(), method.kind, &MethodKind::name);
      if (kind->needs_space()) searching.push_back(method.name);
    }
    if (!searching.empty() && find(root_, "search") == nullptr) {
      const Node* const methods = find(root_, "methods");
      problems_.add(methods != nullptr ? methods->place : root_.place,
                    fmt::format("search is missing: {} would have nothing to choose",
                                fmt::join(searching, ", ")));
    }
    if (spec_.outer.initial > spec_.outer.trials) {
      const Node* const initial = find(root_, "outer.initial");
      problems_.add(initial != nullptr ? initial->place : root_.place,
                    fmt::format("outer.initial is {}, more than outer.trials, which is {}",
                                spec_.outer.initial, spec_.outer.trials));
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
    const double rows = std::ceil(spec_.max_train_rows * (1.0 - spec_.holdout));
    return std::ceil(lowest("epochs") * std::ceil(rows / highest("batch_size")));
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
    // The inner loop is never worse than the best snapshot or their mean because it starts there.
    if (is_read({"inner_evaluations"}) && uses_rule("bo") &&
        lowest("inner_evaluations") < snapshots + 1) {
      add("inner_evaluations",
          fmt::format("inner.evaluations is {}; {} snapshots need at least {}, for each one and "
                      "for their mean",
                      lowest("inner_evaluations"), snapshots, snapshots + 1));
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
