#include <fmt/format.h>

#include <algorithm>

#include "bo/acquisition.hpp"
#include "fusion/rules.hpp"
#include "spec/fields.hpp"
#include "spec/methods.hpp"

namespace runner::spec {
namespace {

constexpr std::string_view kHedge = "hedge";  // the portfolio of all acquisitions
constexpr std::string_view kPaper[] = {"ei", "ucb"};

Method make_default(const MethodKind& kind) {
  return make_method(kind.search, kind.rule, kind.outer, kind.inner);
}

std::optional<MethodKind> read_kind(const Node& node, std::string_view name, Problems& problems) {
  const std::vector<MethodKind> kinds = method_kinds();
  const auto kind = std::ranges::find(kinds, name, &MethodKind::name);
  if (kind != kinds.end()) return *kind;
  std::vector<std::string_view> names;
  for (const MethodKind& known : kinds) names.push_back(known.name);
  problems.add(node.place, unknown("method", name, names));
  return {};
}

std::vector<std::string_view> rule_names() {
  std::vector<std::string_view> names;
  for (const fusion::Rule& rule : fusion::rules()) names.push_back(rule.name);
  return names;
}

// A name alone, or a map of that one name to its setting: `bo`, `{bo: ei}`.
struct Named {
  std::size_t index = 0;  // in the names
  const Node* setting = nullptr;
};
std::optional<Named> read_named(const Node& node, std::string_view what,
                                std::span<const std::string_view> names, Problems& problems) {
  if (node.kind != Node::Kind::map || node.entries.size() != 1) {
    const auto index = read_name(node, what, names, problems);
    if (!index) return {};
    return Named{*index, nullptr};
  }
  const Node::Entry& entry = node.entries.front();
  const auto found = std::ranges::find(names, std::string_view(entry.key));
  if (found == names.end()) {
    problems.add(entry.place, unknown(what, entry.key, names));
    return {};
  }
  return Named{static_cast<std::size_t>(found - names.begin()), &entry.value};
}

std::vector<fusion::Objective> read_objectives(const Node& node, std::string_view what,
                                               std::size_t count, Problems& problems) {
  std::vector<fusion::Objective> objectives;
  const std::vector<const Node*> items = read_list(node, what, problems);
  for (const Node* item : items) {
    const auto index = read_name(*item, what, fusion::kObjectiveNames, problems);
    if (index) objectives.push_back(static_cast<fusion::Objective>(*index));
  }
  const bool whole = objectives.size() == items.size() && !items.empty();
  if (whole && (objectives.size() != count || (count == 2 && objectives[0] == objectives[1]))) {
    problems.add(node.place,
                 fmt::format("{}: {} needed", what,
                             count == 1 ? "one objective is" : "two different objectives are"));
  }
  return objectives;
}

// The settings of rule `bo`: an acquisition, or `{acquisition: ucb, objective: selection_score}`.
void read_inner(const Node& node, std::string_view what, std::string& inner,
                std::vector<fusion::Objective>& objectives, Problems& problems) {
  if (node.kind != Node::Kind::map) {
    inner = read_acquisition(node, what, problems).value_or(inner);
    return;
  }
  Section section(node, std::string(what), problems);
  if (const Node* const acquisition = section.get("acquisition")) {
    inner = read_acquisition(*acquisition, section.path("acquisition"), problems).value_or(inner);
  }
  if (const Node* const objective = section.get("objective")) {
    objectives = read_objectives(*objective, section.path("objective"), 1, problems);
  }
  section.finish();
}

// `{search: {bo: ei}, fuse: {bo: ucb}}`.
std::optional<Method> read_pair(const Node& node, std::string what, Problems& problems) {
  std::vector<std::string_view> search_names;
  for (const SearchKind& kind : pair_searches()) {
    search_names.push_back(kind.name);
  }
  const std::size_t before = problems.size();
  Section section(node, std::move(what), problems);
  Search search = Search::none;
  std::string outer, inner, rule;
  std::vector<fusion::Objective> objectives;
  const auto no_setting = [&](const Node* setting, std::string_view name) {
    if (setting != nullptr)
      problems.add(setting->place, fmt::format("'{}' has no settings; write it alone", name));
  };
  if (const Node* const chosen = section.get("search")) {
    const auto named = read_named(*chosen, "search", search_names, problems);
    if (named) {
      search = searches()[named->index].search;
      if (search != Search::bo) {
        no_setting(named->setting, search_names[named->index]);
      } else {
        outer = kOuterAcquisition;
        if (named->setting != nullptr) {
          outer = read_acquisition(*named->setting, section.path("search.bo"), problems)
                      .value_or(outer);
        }
      }
    }
  }
  if (const Node* const chosen = section.require("fuse")) {
    const std::vector<std::string_view> names = rule_names();
    const auto named = read_named(*chosen, "fusion rule", names, problems);
    if (named) {
      rule = names[named->index];
      if (rule == "bo") {
        inner = kInnerAcquisition;
        if (named->setting != nullptr) {
          read_inner(*named->setting, section.path("fuse.bo"), inner, objectives, problems);
        }
      } else if (rule == "ehvi" && named->setting != nullptr) {
        objectives = read_objectives(*named->setting, section.path("fuse.ehvi"), 2, problems);
      } else {
        no_setting(named->setting, rule);
      }
    }
  }
  section.finish();
  if (problems.size() > before) return {};
  return make_method(search, rule, outer, inner, std::move(objectives));
}

// `fine_tune`, a pair, or a named pair with its settings: `bilevel: {outer: ei, inner: ucb}`,
// `bo: {acquisition: ei}`.
std::optional<Method> read_method(const Node& node, std::string_view what, Problems& problems) {
  if (node.kind == Node::Kind::scalar) {
    const auto kind = read_kind(node, node.text, problems);
    if (!kind) return {};
    return make_default(*kind);
  }
  const bool is_pair = node.kind == Node::Kind::map &&
                       std::ranges::any_of(node.entries, [](const Node::Entry& entry) {
                         return entry.key == "search" || entry.key == "fuse";
                       });
  if (is_pair) return read_pair(node, std::string(what), problems);
  if (node.kind != Node::Kind::map || node.entries.size() != 1) {
    problems.add(
        node.place,
        fmt::format("{}: expected a method, a pair such as '{{search: random, fuse: swa}}' "
                    "or one method with its settings such as "
                    "'bilevel: {{outer: ei, inner: ucb}}'",
                    what));
    return {};
  }
  const Node::Entry& entry = node.entries.front();
  Node key;
  key.place = entry.place;
  const auto kind = read_kind(key, entry.key, problems);
  if (!kind) return {};
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
  return make_method(kind->search, kind->rule, outer, inner);
}

// The rows of `refuse:`, the donor being the first of the methods that searches by bo for the best
// snapshot.
void read_refuse(const Node& node, bool has_average, std::vector<Method>& methods,
                 Problems& problems) {
  const auto donor = std::ranges::find_if(methods, [](const Method& method) {
    return method.search == Search::bo && method.rule == "best";
  });
  if (donor == methods.end()) {
    problems.add(node.place,
                 "refuse: no method is {search: bo, fuse: best}, whose runs could be fused again");
    return;
  }
  const Method source = *donor;  // `methods` grows
  const std::vector<std::string_view> names = rule_names();
  if (node.kind == Node::Kind::scalar && node.text == "all") {
    for (const std::string_view name : names) {
      if (name == source.rule || (name == "ema" && !has_average)) continue;
      methods.push_back(refused(source, name));
    }
    return;
  }
  for (const Node* item : read_list(node, "refuse", problems)) {
    const auto index = read_name(*item, "fusion rule", names, problems);
    if (!index) continue;
    Method method = refused(source, names[*index]);
    if (std::ranges::find(methods, method.name, &Method::name) != methods.end()) {
      problems.add(item->place, fmt::format("refuse: '{}' is listed twice", names[*index]));
    } else {
      methods.push_back(std::move(method));
    }
  }
}

// The rows of `soup:`. Models mix where their heads began alike: restarts' begin by their seeds.
void read_soup(const Node& node, std::vector<Method>& methods, Problems& problems) {
  std::vector<Method> donors;
  for (const Method& method : methods) {
    if (is_search(method) && method.search != Search::restarts) donors.push_back(method);
  }
  std::vector<std::string_view> names;
  for (const SoupKind& kind : soups()) names.push_back(kind.name);
  std::vector<std::size_t> kinds;
  if (node.kind == Node::Kind::scalar && node.text == "all") {
    for (std::size_t i = 0; i < names.size(); ++i) kinds.push_back(i);
  } else {
    for (const Node* item : read_list(node, "soup", problems)) {
      const auto index = read_name(*item, "soup", names, problems);
      if (!index) continue;
      if (std::ranges::find(kinds, *index) != kinds.end()) {
        problems.add(item->place, fmt::format("soup: '{}' is listed twice", names[*index]));
      } else {
        kinds.push_back(*index);
      }
    }
  }
  if (donors.empty()) {
    problems.add(node.place,
                 "soup: no method searches hyperparameters; the models of one run, or of restarts, "
                 "whose heads begin by their seeds, are not mixed");
  }
  for (const Method& donor : donors) {
    for (const std::size_t kind : kinds) methods.push_back(souped(donor, soups()[kind]));
  }
}

}  // namespace

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

std::vector<Method> read_methods(const MethodNodes& nodes, bool has_average, Problems& problems) {
  const auto& [methods, pairs, refuse, soup] = nodes;
  std::vector<Method> chosen;
  const auto names = [&](const Method& method) {
    return std::ranges::find(chosen, method.name, &Method::name) != chosen.end();
  };
  if (methods != nullptr && methods->kind == Node::Kind::scalar && methods->text == "all") {
    for (const MethodKind& kind : method_kinds()) chosen.push_back(make_default(kind));
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
  if (pairs != nullptr && read_name(*pairs, "pairs", field("pairs").words, problems) == 0U) {
    for (const std::string_view outer : kPaper) {
      for (const std::string_view inner : kPaper) {
        Method method = make_method(Search::bo, "bo", outer, inner);
        if (!names(method)) chosen.push_back(std::move(method));
      }
    }
  }
  if (refuse != nullptr) read_refuse(*refuse, has_average, chosen, problems);
  if (soup != nullptr) read_soup(*soup, chosen, problems);
  return chosen;
}

}  // namespace runner::spec
