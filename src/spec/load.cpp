#include "spec/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <set>

#include "data/tasks.hpp"
#include "io/csv.hpp"
#include "spec/budget.hpp"
#include "spec/check.hpp"
#include "spec/comparisons.hpp"
#include "spec/device.hpp"
#include "spec/fields.hpp"
#include "spec/methods.hpp"
#include "spec/own_task.hpp"
#include "spec/presets.hpp"
#include "spec/space.hpp"
#include "spec/variables.hpp"

namespace runner::spec {
namespace {

namespace fs = std::filesystem;

// What `recipe:` and `inner:` change, in the order of the spec.
struct Changes {
  const Preset* preset = nullptr;
  std::vector<std::pair<const VariableRow*, double>> values;

  void apply_to(Trial& trial, std::string_view task) const {
    if (preset != nullptr) preset->apply(trial, task);
    for (const auto& [variable, value] : values) variable->set(trial, value);
  }
};

class Loader {
 public:
  Loader(const fs::path& file, const std::vector<std::string>& overrides)
      : document_(load_document(file, overrides, problems_)) {
    if (document_.root.kind == Node::Kind::null) problems_.throw_if_any();  // nothing to read
    spec_.file = file;
    for (const std::string& override : overrides) {
      const std::size_t equals = override.find('=');
      spec_.overrides[override.substr(0, equals)] = override.substr(equals + 1);
    }
  }

  Spec load() {
    Section top(document_.root, "", problems_);
    read_run_name(top);
    read_model(top);
    read_data(top);
    spec_.runs_root = root(top.get("runs"), "runs", "RUNNER_RUNS", fs::current_path() / "runs");
    read_tasks(top);
    read_seeds(top);
    read_split(top);
    read_machine(top);
    read_search(top);
    read_outer(top);
    const MethodNodes nodes{top.get("methods"), top.get("pairs"), top.get("refuse"),
                            top.get("soup")};
    const bool has_average = std::ranges::all_of(
        spec_.tasks, [](const TaskEntry& entry) { return entry.recipe.train.ema_decay > 0.0; });
    spec_.methods = read_methods(nodes, has_average, problems_);
    if (nodes.methods == nullptr && nodes.pairs == nullptr) top.require("methods");
    read_count(top, "confirm", spec_.confirm);
    if (spec_.confirm > 0) add_confirmations(spec_.methods);
    read_comparisons(top, spec_, problems_);
    top.finish();
    check(spec_, document_.root, unread_, problems_);
    problems_.throw_if_any();
    spec_.warnings = problems_.warnings();
    return std::move(spec_);
  }

 private:
  // Of the command line or the spec (relative to either's folder), the environment, the default.
  fs::path root(const Node* node, std::string_view what, const char* variable,
                const fs::path& fallback) {
    if (node != nullptr) {
      const auto text = read_text(*node, what, problems_);
      if (text) return tidy(node->place.source->folder / *text);
    }
    const char* const set = std::getenv(variable);
    if (set != nullptr && *set != '\0') return tidy(fs::absolute(set));
    return tidy(fallback);
  }

  // Without "..", and without a last '/' that would hide the folder's name.
  static fs::path tidy(const fs::path& path) {
    const fs::path normal = path.lexically_normal();
    return normal.has_filename() ? normal : normal.parent_path();
  }

  // Beside the file or, as for those in experiments/, beside its folder.
  fs::path near_file(const char* path) const {
    const fs::path& folder = document_.sources.front()->folder;
    std::error_code ignored;
    return fs::exists(folder / path, ignored) ? folder / path : folder / ".." / path;
  }

  void read_run_name(Section& top) {
    spec_.name = spec_.file.stem().string();
    const Node* const name = top.get("name");
    if (name != nullptr) {
      spec_.name = read_folder_name(*name, "name", problems_).value_or("");
    } else if (spec_.name.starts_with('.')) {
      problems_.add(document_.root.place,
                    fmt::format("'{}', after the file, cannot name the run's folder; set name: ...",
                                spec_.name));
    }
  }

  void read_model(Section& top) {
    const Node* const model = top.require("model");
    const fs::path models =
        root(top.get("models_root"), "models_root", "RUNNER_MODELS", near_file("data/models"));
    if (model == nullptr) return;
    const auto text = read_text(*model, "model", problems_);
    if (!text) return;
    const bool is_path = text->find('/') != std::string::npos;
    const fs::path& folder = is_path ? model->place.source->folder : models;
    spec_.model = tidy(folder / *text);
  }

  void read_data(Section& top) {
    Node nothing;
    nothing.kind = Node::Kind::map;
    const Node* const node = top.get("data");
    Section data(node != nullptr ? *node : nothing, "data", problems_);
    spec_.glue_root = root(data.get("root"), "data.root", "RUNNER_GLUE", near_file("data/glue"));
    read_count(data, "max_train_rows", spec_.max_train_rows);
    read_count(data, "max_selection_rows", spec_.max_selection_rows);
    read_count(data, "max_dev_rows", spec_.max_dev_rows);
    data.finish();
  }

  // A count in the range of its row; one of the row's words leaves what stands for it, 0.
  void read_count(Section& section, std::string_view key, int& value) {
    const Node* const node = section.get(key);
    if (node == nullptr) return;
    const Field& row = field(section.path(key));
    if (std::ranges::find(row.words, node->text) != row.words.end()) return;
    const auto read = read_integer(*node, section.path(key), row.range, problems_);
    if (read) value = static_cast<int>(*read);
  }

  // A section of settings: `recipe:` with its preset, or `inner:`.
  Changes read_changes(const Node* node, std::string what, bool inner) {
    Changes changes;
    if (node == nullptr) return changes;
    Section section(*node, std::move(what), problems_);
    if (const Node* const preset = inner ? nullptr : section.get("preset")) {
      std::vector<std::string_view> names;
      for (const Preset& row : presets()) names.push_back(row.name);
      const auto index = read_name(*preset, "preset", names, problems_);
      if (index) changes.preset = &presets()[*index];
    }
    for (const VariableRow& variable : variables()) {
      if (variable.is_inner() != inner) continue;
      const Node* const value = section.get(variable.key());
      if (value == nullptr) continue;
      const auto read = variable.read(*value, section.path(variable.key()), problems_);
      if (read) {
        changes.values.emplace_back(&variable, *read);
      } else {
        unread_.insert(variable.name);
      }
    }
    section.finish();
    return changes;
  }

  void read_tasks(Section& top) {
    const Node* const tasks = top.require("tasks");
    const Changes recipe = read_changes(top.get("recipe"), "recipe", false);
    const Changes inner = read_changes(top.get("inner"), "inner", true);
    if (tasks == nullptr) return;
    const auto add = [&](data::Task task) -> Trial& {
      TaskEntry entry{.task = std::move(task), .recipe = {}};
      recipe.apply_to(entry.recipe, entry.task.name);
      inner.apply_to(entry.recipe, entry.task.name);
      spec_.tasks.push_back(std::move(entry));
      return spec_.tasks.back().recipe;
    };
    if (tasks->kind == Node::Kind::scalar && tasks->text == "all") {
      for (const data::Task& task : data::glue_tasks()) {
        if (can_train(task)) add(task);
      }
      return;
    }
    std::size_t index = 0;
    for (const Node* item : read_list(*tasks, "tasks", problems_)) {
      const std::string what = fmt::format("tasks.{}", index++);
      if (item->kind == Node::Kind::scalar) {
        const auto task = glue_task(*item);
        if (task) add(*task);
        continue;
      }
      Section section(*item, what, problems_);
      const Node* const name = section.require("name");
      if (name == nullptr) continue;
      const auto task = read_task(section, *item, *name);
      const Changes own_recipe = read_changes(section.get("recipe"), what + ".recipe", false);
      const Changes own_inner = read_changes(section.get("inner"), what + ".inner", true);
      section.finish();
      if (!task) continue;
      Trial& trial = add(*task);
      own_recipe.apply_to(trial, task->name);
      own_inner.apply_to(trial, task->name);
    }
  }

  std::optional<data::Task> read_task(Section& section, const Node& item, const Node& name) {
    const bool own = std::ranges::any_of(item.entries, [](const Node::Entry& entry) {
      return entry.key == "train" || entry.key == "dev" || entry.key == "text";
    });
    if (!own) return glue_task(name);
    const auto folder = read_folder_name(name, section.path("name"), problems_);
    data::Task task = read_own_task(section, folder.value_or(""), problems_);
    if (!folder) return {};
    if (data::find_task(*folder) != nullptr) {
      problems_.add(name.place,
                    fmt::format("'{}' is GLUE's own; name a task of yours differently", *folder));
    }
    if (!is_new(task.name, name)) return {};
    return task;
  }

  std::optional<data::Task> glue_task(const Node& name) {
    const auto text = read_text(name, "task", problems_);
    if (!text) return {};
    const data::Task* const task = data::find_task(*text);
    if (task == nullptr) {
      std::vector<std::string_view> names;
      for (const data::Task& known : data::glue_tasks()) {
        if (can_train(known)) names.push_back(known.name);
      }
      problems_.add(name.place, unknown("task", *text, names));
    } else if (!can_train(*task)) {
      problems_.add(
          name.place,
          fmt::format("task '{}' has no training split; it tests a trained model", task->name));
    } else if (is_new(task->name, name)) {
      return *task;
    }
    return {};
  }

  static bool can_train(const data::Task& task) { return !task.train.path.empty(); }

  bool is_new(std::string_view task, const Node& node) {
    const bool listed = std::ranges::any_of(
        spec_.tasks, [&](const TaskEntry& entry) { return entry.task.name == task; });
    if (listed) problems_.add(node.place, fmt::format("task '{}' is listed twice", task));
    return !listed;
  }

  void read_seeds(Section& top) {
    const Node* const node = top.get("seeds");
    if (node == nullptr) return;
    spec_.seeds.clear();
    if (node->kind == Node::Kind::scalar) {
      const auto count = read_integer(*node, "seeds", field("seeds").range, problems_);
      for (std::int64_t seed = 0; seed < count.value_or(0); ++seed) {
        spec_.seeds.push_back(static_cast<std::uint64_t>(seed));
      }
      return;
    }
    for (const Node* item : read_list(*node, "seeds", problems_)) {
      const auto seed = read_seed(*item, "seeds", problems_);
      if (!seed) continue;
      if (std::ranges::find(spec_.seeds, *seed) != spec_.seeds.end()) {
        problems_.add(item->place, fmt::format("seed {} is listed twice", *seed));
      } else {
        spec_.seeds.push_back(*seed);
      }
    }
  }

  void read_split(Section& top) {
    const Node* const node = top.get("outer_split");
    if (node == nullptr) return;
    const auto text = read_text(*node, "outer_split", problems_);
    if (!text || *text == "dev") return;
    constexpr std::string_view kHoldout = "holdout:";
    const bool holdout = text->starts_with(kHoldout) &&
                         io::parse_number(text->substr(kHoldout.size()), spec_.holdout);
    if (holdout && spec_.holdout > 0.0 && spec_.holdout <= 0.5) return;
    problems_.add(node->place,
                  fmt::format("outer_split: '{}' is neither dev nor holdout:SHARE with "
                              "a share of train above 0 and at most 0.5",
                              *text));
  }

  // The device, and what runs at once.
  void read_machine(Section& top) {
    if (const Node* const node = top.get("device")) {
      spec_.device = read_device(*node, problems_).value_or(spec_.device);
    }
    read_count(top, "threads", spec_.threads);
    read_count(top, "workers", spec_.workers);
    read_count(top, "trials_per_device", spec_.trials_per_device);
    if (const Node* const node = top.get("deterministic"))
      spec_.deterministic =
          read_boolean(*node, "deterministic", problems_).value_or(spec_.deterministic);
    if (const Node* const node = top.get("store_limit"))
      spec_.store_limit = read_bytes(*node, "store_limit", problems_).value_or(spec_.store_limit);
  }

  void read_search(Section& top) {
    const Node* const search = top.get("search");
    if (search == nullptr) return;
    const std::size_t before = problems_.size();
    spec_.search = parse_variables(*search, "search", Names::table, problems_);
    if (problems_.size() == before) return;
    for (const bo::Variable& variable : spec_.search) {
      unread_.insert(find_variable(variable.name)->name);
    }
  }

  void read_outer(Section& top) {
    const Node* const node = top.get("outer");
    if (node == nullptr) return;
    Outer& outer = spec_.outer;
    Section section(*node, "outer", problems_);
    read_count(section, "trials", outer.trials);
    if (const Node* const budget = section.get("budget"))
      outer.budget = read_budget(*budget, "outer.budget", problems_);
    read_count(section, "initial", outer.initial);
    read_count(section, "parallel", outer.parallel);
    if (const Node* const beta = section.get("beta"))
      outer.beta = read_number(*beta, "outer.beta", field("outer.beta").range, problems_)
                       .value_or(outer.beta);
    if (const Node* const noise = section.get("noise")) {
      const auto index = read_name(*noise, "outer.noise", field("outer.noise").words, problems_);
      if (index) outer.noise = static_cast<bo::Noise>(*index);
    }
    if (const Node* const pruning = section.get("pruning")) {
      const auto& words = field("outer.pruning").words;  // none is the first
      const auto index = read_name(*pruning, "outer.pruning", words, problems_);
      if (index && *index > 0) outer.pruning = words[*index];
    }
    if (const Node* const reduction = section.get("reduction"))
      outer.reduction =
          read_number(*reduction, "outer.reduction", field("outer.reduction").range, problems_)
              .value_or(outer.reduction);
    if (const Node* const starts = section.get("starts")) read_starts(*starts);
    section.finish();
  }

  // A list of maps from searched variables to values.
  void read_starts(const Node& node) {
    std::size_t index = 0;
    for (const Node* item : read_list(node, "outer.starts", problems_)) {
      Section section(*item, fmt::format("outer.starts.{}", index++), problems_);
      bo::Point& start = spec_.outer.starts.emplace_back();
      for (const bo::Variable& searched : spec_.search) {
        start.push_back(std::nan(""));
        const Node* const value = section.get(searched.name);
        if (value == nullptr) continue;
        const VariableRow& variable = *find_variable(searched.name);
        const std::string what = section.path(searched.name);
        const auto read = variable.read(*value, what, problems_);
        if (!read) continue;
        Trial trial;
        variable.set(trial, *read);
        const auto column = column_of(searched, trial);
        if (column) {
          start.back() = *column;
        } else {
          problems_.add(value->place, fmt::format("{} is {}, outside of what is searched: {}", what,
                                                  value->text, written(searched, spec_.search)));
        }
      }
      section.finish();
    }
  }

  Problems problems_;
  Document document_;
  std::set<std::string_view> unread_;  // variables whose values were problems
  Spec spec_;
};

}  // namespace

Spec load(const fs::path& file, const std::vector<std::string>& overrides) {
  return Loader(file, overrides).load();
}

}  // namespace runner::spec
