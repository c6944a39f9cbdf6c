#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spec/read.hpp"
#include "spec/spec.hpp"

namespace runner::spec {

// One row of the table of methods that an experiment compares.
struct MethodKind {
  std::string_view name;
  std::string_view summary;
  Search search;
  std::string_view rule;   // fusion::Options::rule
  std::string_view outer;  // default acquisition of the search over hyperparameters, or empty
  std::string_view inner;  // default acquisition of the search over fusion weights, or empty

  // random, grid and bo choose lambda, so the spec must say what they choose from.
  bool needs_space() const { return search != Search::none && search != Search::restarts; }
};

std::span<const MethodKind> method_kinds();

// The method as tables and folders name it: "swa", "bo(logei)", "bilevel(ei,ucb)". Acquisitions
// that the kind has no use for are ignored.
Method make_method(const MethodKind& kind, std::string_view outer, std::string_view inner);

// Checks the name of an acquisition or of an alternation such as "ei+ucb".
std::optional<std::string> read_acquisition(const Node& node, std::string_view what,
                                            Problems& problems);

// `methods:` (a list, or `all`: every kind with its default acquisitions) and `pairs:` (`all`: the
// paper's four bilevel rows, {ei, ucb} outside and inside; or `none`); either may be null.
std::vector<Method> read_methods(const Node* methods, const Node* pairs, Problems& problems);

}  // namespace runner::spec
