#include "spec/methods.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "fusion/rules.hpp"
#include "spec/yaml.hpp"

namespace runner::spec {
namespace {

constexpr std::array kSearches = {
    SearchKind{"none", "the recipe as it stands", Search::none},
    SearchKind{"restarts", "the recipe with other seeds", Search::restarts},
    SearchKind{"random", "random hyperparameters", Search::random},
    SearchKind{"grid", "a grid of hyperparameters", Search::grid},
    SearchKind{"bo", "hyperparameters by Bayesian optimisation", Search::bo},
    SearchKind{"refuse", "another method's runs, fused anew (refuse:)", Search::refuse},
    SearchKind{"confirm", "another method's choice with fresh seeds (confirm:)", Search::confirm},
    SearchKind{"soup", "another method's fused models, mixed (soup:)", Search::soup},
};

constexpr std::array kSoups = {
    SoupKind{"uniform", "the mean of the fused models of all runs of a search", "swa"},
    SoupKind{"greedy", "the mean of the best ones, as long as half of selection does not suffer",
             "greedy"},
};

// The searches without fusion all keep the best snapshot of each run, so that they differ in
// nothing but the search.
constexpr std::array kKinds = {
    MethodKind{"fine_tune", "the recipe as it stands, last checkpoint", Search::none, "last", "",
               ""},
    MethodKind{"bo_fusion", "inner loop alone: fusion weights by BO on the recipe's run",
               Search::none, "bo", "", "ucb"},
    MethodKind{"restarts", "the recipe with other seeds, best by selection", Search::restarts,
               "best", "", ""},
    MethodKind{"random_search", "random hyperparameters, best by selection", Search::random, "best",
               "", ""},
    MethodKind{"grid", "a grid of hyperparameters, best by selection", Search::grid, "best", "",
               ""},
    MethodKind{"bo", "BO over hyperparameters alone", Search::bo, "best", "logei", ""},
    MethodKind{"bilevel", "BO over hyperparameters, each run fused by BO: the paper", Search::bo,
               "bo", "ei", "ucb"},
};

std::string_view search_name(Search search) {
  return std::ranges::find(kSearches, search, &SearchKind::search)->name;
}

const MethodKind* find_kind(Search search, std::string_view rule) {
  const auto row = std::ranges::find_if(
      kKinds, [&](const MethodKind& kind) { return kind.search == search && kind.rule == rule; });
  return row == kKinds.end() ? nullptr : &*row;
}

std::string with_settings(std::string_view name, const std::vector<std::string>& settings) {
  return settings.empty() ? std::string(name)
                          : fmt::format("{}({})", name, fmt::join(settings, ","));
}

}  // namespace

std::span<const SearchKind> searches() { return kSearches; }

// The last three are of other methods' runs.
std::span<const SearchKind> pair_searches() { return searches().first(searches().size() - 3); }

std::span<const SoupKind> soups() { return kSoups; }

std::vector<MethodKind> method_kinds() {
  std::vector<MethodKind> kinds;
  for (const fusion::Rule& rule : fusion::rules()) {
    const MethodKind* const named = find_kind(Search::none, rule.name);
    kinds.push_back(named != nullptr
                        ? *named
                        : MethodKind{rule.name, rule.summary, Search::none, rule.name, "", ""});
  }
  std::ranges::copy_if(kKinds, std::back_inserter(kinds),
                       [](const MethodKind& kind) { return kind.search != Search::none; });
  return kinds;
}

Method make_method(Search search, std::string_view rule, std::string_view outer,
                   std::string_view inner, std::vector<fusion::Objective> objectives) {
  Method method{.name = {},
                .kind = {},
                .search = search,
                .rule = std::string(rule),
                .outer = std::string(search == Search::bo ? outer : ""),
                .inner = std::string(rule == "bo" ? inner : ""),
                .objectives = std::move(objectives),
                .of = {}};
  std::vector<std::string> outside, inside;
  if (!method.outer.empty()) outside.push_back(method.outer);
  if (!method.inner.empty()) inside.push_back(method.inner);
  for (const fusion::Objective objective : method.objectives) {
    inside.emplace_back(fusion::kObjectiveNames[static_cast<std::size_t>(objective)]);
  }
  if (const MethodKind* const kind = find_kind(search, rule)) {
    method.kind = kind->name;
    outside.insert(outside.end(), inside.begin(), inside.end());
    method.name = with_settings(method.kind, outside);
  } else if (search == Search::none) {
    method.kind = method.rule;
    method.name = with_settings(method.kind, inside);
  } else {
    method.kind = fmt::format("{}+{}", search_name(search), rule);
    method.name = fmt::format("{}+{}", with_settings(search_name(search), outside),
                              with_settings(rule, inside));
  }
  return method;
}

Method refused(const Method& donor, std::string_view rule) {
  Method method;
  method.name = fmt::format("refuse({})", rule);
  method.kind = method.name;
  method.search = Search::refuse;
  method.rule = rule;
  if (rule == "bo") method.inner = kInnerAcquisition;
  method.of = donor.name;
  return method;
}

Method confirmed(const Method& donor) {
  Method method = donor;
  method.name = method.kind = fmt::format("confirm({})", donor.name);
  method.search = Search::confirm;
  method.outer.clear();
  method.of = donor.name;
  return method;
}

void add_confirmations(std::vector<Method>& methods) {
  const std::size_t count = methods.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (is_search(methods[i])) methods.push_back(confirmed(methods[i]));
  }
}

Method souped(const Method& donor, const SoupKind& kind) {
  Method method;
  method.name = method.kind = fmt::format("{}_soup({})", kind.name, donor.name);
  method.search = Search::soup;
  method.rule = kind.rule;
  method.of = donor.name;
  return method;
}

bool is_search(const Method& method) { return method.search != Search::none && method.of.empty(); }

std::string written(const Method& method) {
  const bool plain = method.outer.empty() && method.inner.empty() && method.objectives.empty();
  const bool named = method.search == Search::none || find_kind(method.search, method.rule);
  if (plain && named) return method.kind;
  std::string search(search_name(method.search)), fuse = method.rule;
  if (!method.outer.empty()) search = fmt::format("{{bo: {}}}", yaml_text(method.outer));
  std::vector<std::string_view> objectives;
  for (const fusion::Objective objective : method.objectives) {
    objectives.push_back(fusion::kObjectiveNames[static_cast<std::size_t>(objective)]);
  }
  if (!method.inner.empty() && objectives.empty()) {
    fuse = fmt::format("{{bo: {}}}", yaml_text(method.inner));
  } else if (!method.inner.empty()) {
    fuse = fmt::format("{{bo: {{acquisition: {}, objective: {}}}}}", yaml_text(method.inner),
                       objectives.front());
  } else if (!objectives.empty()) {
    fuse = fmt::format("{{ehvi: [{}]}}", fmt::join(objectives, ", "));
  }
  return fmt::format("{{search: {}, fuse: {}}}", search, fuse);
}

}  // namespace runner::spec
