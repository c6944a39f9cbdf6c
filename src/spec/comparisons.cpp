#include "spec/comparisons.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "spec/fields.hpp"
#include "spec/published.hpp"

namespace runner::spec {
namespace {

constexpr std::string_view kNone = "none";
constexpr std::string_view kAgainst = " against ";

// By its name without settings.
bool is_called(const Method& method, std::string_view name) { return method.kind == name; }

class Reader {
 public:
  Reader(Spec& spec, Problems& problems) : spec_(spec), problems_(problems) {}

  void read(Section& top) {
    choose_comparisons(spec_);
    if (const Node* const node = top.get("baseline")) {
      spec_.baseline = method(*node, "baseline").value_or("");
      const auto primary = spec_.primary;
      choose_family(spec_);
      spec_.primary = primary;
    }
    if (const Node* const node = top.get("primary")) {
      spec_.primary.reset();
      if (!is_none(*node)) spec_.primary = comparison(*node, "primary");
      choose_family(spec_);
    }
    if (const Node* const node = top.get("comparisons")) {
      spec_.comparisons.clear();
      if (!is_none(*node)) read_family(*node);
    }
    if (const Node* const node = top.get("equivalence")) {
      spec_.equivalence = read_number(*node, "equivalence", field("equivalence").range, problems_)
                              .value_or(spec_.equivalence);
    }
    if (const Node* const node = top.get("at_chance")) read_at_chance(*node);
    if (const Node* const node = top.get("published")) {
      const auto text = read_text(*node, "published", problems_);
      if (!text) return;
      spec_.published = read_published((node->place.source->folder / *text).lexically_normal(),
                                       spec_, node->place, problems_);
    }
  }

  static void choose_family(Spec& spec);

 private:
  static bool is_none(const Node& node) {
    return node.kind == Node::Kind::scalar && node.text == kNone;
  }

  std::optional<std::string> method(const Node& node, std::string_view what) {
    const auto text = read_text(node, what, problems_);
    if (!text || *text == kNone) return {};
    return named(node, *text, what);
  }

  std::optional<std::string> named(const Node& node, std::string_view name, std::string_view what) {
    if (const Method* const found = find_method(spec_, name)) return found->name;
    if (spec_.methods.empty()) return {};  // a problem already
    std::vector<std::string_view> names, meant;
    for (const Method& known : spec_.methods) {
      names.push_back(known.name);
      if (is_called(known, name)) meant.push_back(known.name);
    }
    problems_.add(node.place,
                  meant.empty()
                      ? fmt::format("{}: {}", what, unknown("method", name, names))
                      : fmt::format("{}: '{}' could be {}", what, name, fmt::join(meant, ", ")));
    return {};
  }

  std::optional<Contrast> comparison(const Node& node, std::string_view what) {
    const auto text = read_text(node, what, problems_);
    if (!text) return {};
    const std::size_t at = text->find(kAgainst);
    if (at == std::string::npos) {
      problems_.add(node.place,
                    fmt::format("{}: '{}' is not 'METHOD against METHOD'", what, *text));
      return {};
    }
    const auto first = named(node, std::string_view(*text).substr(0, at), what);
    const auto second = named(node, std::string_view(*text).substr(at + kAgainst.size()), what);
    if (!first || !second) return {};
    if (*first == *second) {
      problems_.add(node.place, fmt::format("{}: '{}' is compared with itself", what, *first));
      return {};
    }
    return Contrast{*first, *second};
  }

  void read_family(const Node& node) {
    for (const Node* const item : read_list(node, "comparisons", problems_)) {
      const auto read = comparison(*item, "comparisons");
      if (!read) continue;
      if (std::ranges::find(spec_.comparisons, *read) != spec_.comparisons.end()) {
        problems_.add(item->place, fmt::format("comparisons: '{} against {}' is listed twice",
                                               read->method, read->against));
      } else {
        spec_.comparisons.push_back(*read);
      }
    }
  }

  void read_at_chance(const Node& node) {
    spec_.at_chance.clear();
    spec_.measure_chance = node.kind == Node::Kind::scalar && node.text == "auto";
    if (spec_.measure_chance || is_none(node)) return;
    std::vector<std::string_view> tasks;
    for (const TaskEntry& entry : spec_.tasks) tasks.push_back(entry.task.name);
    for (const Node* const item : read_list(node, "at_chance", problems_)) {
      const auto text = read_text(*item, "at_chance", problems_);
      if (!text) continue;
      if (std::ranges::find(tasks, *text) == tasks.end()) {
        problems_.add(item->place, "at_chance: " + unknown("task", *text, tasks));
      } else {
        spec_.at_chance.push_back(*text);
      }
    }
  }

  Spec& spec_;
  Problems& problems_;
};

bool searches_twice(const Method& method) { return !method.outer.empty() && !method.inner.empty(); }

void Reader::choose_family(Spec& spec) {
  spec.comparisons.clear();
  const auto add = [&](const Method& method, const Method* against) {
    if (against == nullptr || against == &method) return;
    const Contrast contrast{method.name, against->name};
    if (spec.primary != contrast &&
        std::ranges::find(spec.comparisons, contrast) == spec.comparisons.end()) {
      spec.comparisons.push_back(contrast);
    }
  };
  // A refusion stands beside the method whose runs it fuses, a confirmation beside its winner.
  for (const Method& method : spec.methods) {
    if (method.search == Search::confirm) continue;
    add(method, find_method(spec, method.of.empty() ? spec.baseline : method.of));
  }
  for (const Method& method : spec.methods) {
    if (!searches_twice(method)) continue;
    for (const char* const search : {"bo", "random_search"}) add(method, find_method(spec, search));
  }
}

}  // namespace

const Method* find_method(const Spec& spec, std::string_view name) {
  const Method* found = nullptr;
  for (const Method& method : spec.methods) {
    if (method.name == name) return &method;
    if (!is_called(method, name)) continue;
    if (found != nullptr) return nullptr;
    found = &method;
  }
  return found;
}

void choose_comparisons(Spec& spec) {
  const Method* const fine_tune = find_method(spec, "fine_tune");
  spec.baseline = fine_tune != nullptr ? fine_tune->name : "";
  spec.primary.reset();
  const Method* const pair = find_method(spec, "bilevel(ei,ucb)");
  const Method* const bo = find_method(spec, "bo");
  if (pair != nullptr && bo != nullptr) spec.primary = Contrast{pair->name, bo->name};
  Reader::choose_family(spec);
}

void read_comparisons(Section& top, Spec& spec, Problems& problems) {
  Reader(spec, problems).read(top);
}

}  // namespace runner::spec
