#include "spec/methods.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bo/acquisition.hpp"

namespace runner::spec {
namespace {

// The searches without fusion all keep the best snapshot of each run, so that they differ in
// nothing but the search.
constexpr std::array kKinds = {
    MethodKind{"fine_tune", "the recipe as it stands, last checkpoint", Search::none, "last", "",
               ""},
    MethodKind{"best", "the recipe's best single snapshot", Search::none, "best", "", ""},
    MethodKind{"swa", "uniform mean of the recipe's snapshots", Search::none, "swa", "", ""},
    MethodKind{"lawa", "mean of the recipe's last snapshots (inner.last_k)", Search::none, "lawa",
               "", ""},
    MethodKind{"ema", "moving average of the recipe's weights (recipe.ema_decay)", Search::none,
               "ema", "", ""},
    MethodKind{"bo_fusion", "inner loop alone: fusion weights by BO on the recipe's run",
               Search::none, "bo", "", "ucb"},
    MethodKind{"restarts", "the recipe with outer.trials seeds, best by selection",
               Search::restarts, "best", "", ""},
    MethodKind{"random_search", "random hyperparameters, best by selection", Search::random, "best",
               "", ""},
    MethodKind{"grid", "a grid of hyperparameters, best by selection", Search::grid, "best", "",
               ""},
    MethodKind{"bo", "BO over hyperparameters alone", Search::bo, "best", "logei", ""},
    MethodKind{"bilevel", "BO over hyperparameters, each run fused by BO: the paper", Search::bo,
               "bo", "ei", "ucb"},
};

constexpr std::string_view kHedge = "hedge";  // the portfolio of all acquisitions
constexpr std::string_view kPaper[] = {"ei", "ucb"};

const MethodKind* read_kind(const Node& node, std::string_view name, Problems& problems) {
  const auto kind = std::ranges::find(kKinds, name, &MethodKind::name);
  if (kind != kKinds.end()) return &*kind;
  std::vector<std::string_view> names;
  for (const MethodKind& known : kKinds) names.push_back(known.name);
  problems.add(node.place, unknown("method", name, names));
  return nullptr;
}

// `fine_tune`, or a map of one entry: `bilevel: {outer: ei, inner: ucb}`, `bo: {acquisition: ei}`.
std::optional<Method> read_method(const Node& node, std::string_view what, Problems& problems) {
  if (node.kind == Node::Kind::scalar) {
    const MethodKind* const kind = read_kind(node, node.text, problems);
    if (kind == nullptr) return {};
    return make_method(*kind, kind->outer, kind->inner);
  }
  if (node.kind != Node::Kind::map || node.entries.size() != 1) {
    problems.add(node.place,
                 fmt::format("{}: expected a method, or one method with its settings such as "
                             "'bilevel: {{outer: ei, inner: ucb}}'",
                             what));
    return {};
  }
  const Node::Entry& entry = node.entries.front();
  Node key;
  key.place = entry.place;
  const MethodKind* const kind = read_kind(key, entry.key, problems);
  if (kind == nullptr) return {};
  if (kind->outer.empty() && kind->inner.empty()) {
    problems.add(entry.place,
                 fmt::format("method '{}' has no settings; write '- {}'", kind->name, kind->name));
    return {};
  }
  Section section(entry.value, std::string(kind->name), problems);
  std::string outer(kind->outer), inner(kind->inner);
  const bool both = !outer.empty() && !inner.empty();
  const auto choose = [&](std::string_view name, std::string& acquisition) {
    if (acquisition.empty()) return;
    const Node* const chosen = section.get(name);
    if (chosen == nullptr) return;
    const auto read = read_acquisition(*chosen, section.path(name), problems);
    if (read) acquisition = *read;
  };
  choose(both ? "outer" : "acquisition", outer);
  choose(both ? "inner" : "acquisition", inner);
  section.finish();
  return make_method(*kind, outer, inner);
}

}  // namespace

std::span<const MethodKind> method_kinds() { return kKinds; }

Method make_method(const MethodKind& kind, std::string_view outer, std::string_view inner) {
  Method method{.name = std::string(kind.name),
                .kind = std::string(kind.name),
                .search = kind.search,
                .rule = std::string(kind.rule),
                .outer = std::string(kind.outer.empty() ? "" : outer),
                .inner = std::string(kind.inner.empty() ? "" : inner)};
  if (!method.outer.empty() && !method.inner.empty()) {
    method.name += fmt::format("({},{})", method.outer, method.inner);
  } else if (!method.outer.empty() || !method.inner.empty()) {
    method.name += fmt::format("({}{})", method.outer, method.inner);
  }
  return method;
}

std::optional<std::string> read_acquisition(const Node& node, std::string_view what,
                                            Problems& problems) {
  auto text = read_text(node, what, problems);
  if (!text) return {};
  if (*text == kHedge) return text;
  std::vector<std::string_view> names;
  for (const bo::Acquisition& row : bo::acquisitions()) names.push_back(row.name);
  std::string_view rest = *text;
  for (bool more = true; more;) {
    const std::size_t plus = rest.find('+');
    const std::string_view name = rest.substr(0, plus);
    more = plus != std::string_view::npos;
    if (more) rest.remove_prefix(plus + 1);
    if (std::ranges::find(names, name) != names.end()) continue;
    if (*text == name) names.push_back(kHedge);  // it stands alone
    problems.add(node.place, unknown("acquisition", name, names));
    return {};
  }
  return text;
}

std::vector<Method> read_methods(const Node* methods, const Node* pairs, Problems& problems) {
  std::vector<Method> chosen;
  const auto names = [&](const Method& method) {
    return std::ranges::find(chosen, method.name, &Method::name) != chosen.end();
  };
  if (methods != nullptr && methods->kind == Node::Kind::scalar && methods->text == "all") {
    for (const MethodKind& kind : kKinds) {
      chosen.push_back(make_method(kind, kind.outer, kind.inner));
    }
  } else if (methods != nullptr) {
    for (const Node* item : read_list(*methods, "methods", problems)) {
      const auto method = read_method(*item, "methods", problems);
      if (!method) continue;
      if (names(*method)) {
        problems.add(item->place, fmt::format("method '{}' is listed twice", method->name));
      } else {
        chosen.push_back(*method);
      }
    }
  }
  static constexpr std::string_view kPairs[] = {"all",
                                                "none"};  // none: to switch them off in passing
  if (pairs != nullptr && read_name(*pairs, "pairs", kPairs, problems) == 0U) {
    const auto bilevel = std::ranges::find(kKinds, "bilevel", &MethodKind::name);
    for (const std::string_view outer : kPaper) {
      for (const std::string_view inner : kPaper) {
        Method method = make_method(*bilevel, outer, inner);
        if (!names(method)) chosen.push_back(std::move(method));
      }
    }
  }
  return chosen;
}

}  // namespace runner::spec
