#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spec/read.hpp"
#include "spec/spec.hpp"

namespace runner::spec {

// One row of the table of searches: how a method chooses lambda.
struct SearchKind {
  std::string_view name;
  std::string_view summary;
  Search search;
};
std::span<const SearchKind> searches();
std::span<const SearchKind> pair_searches();  // those that a pair of the spec may name

// A method is any search with any fusion rule (fusion/rules.hpp). One that has a name of its own.
struct MethodKind {
  std::string_view name;
  std::string_view summary;
  Search search;
  std::string_view rule;   // fusion::Options::rule
  std::string_view outer;  // default acquisition of the search over hyperparameters, or empty
  std::string_view inner;  // default acquisition of the search over fusion weights, or empty
};
// The rules without a search, under their own names or a table's, and the table's other pairs.
std::vector<MethodKind> method_kinds();

// The acquisitions of a pair that names none.
inline constexpr std::string_view kOuterAcquisition = "logei", kInnerAcquisition = "ucb";

// A pair with the name that tables and folders give it: "swa", "bo(logei)", "bilevel(ei,ucb)",
// "random+swa", "bo(ei)+ehvi", "bilevel(ei,ucb,selection_score)". Acquisitions belong to
// Search::bo and to rule "bo"; objectives, where they are the method's own, to the rules that
// search the weights: one of "bo", two of "ehvi".
Method make_method(Search search, std::string_view rule, std::string_view outer,
                   std::string_view inner, std::vector<fusion::Objective> objectives = {});

// The method that fuses the runs of `donor` anew by another rule: "refuse(swa)".
Method refused(const Method& donor, std::string_view rule);

// The method that trains what `donor` has chosen with fresh seeds: "confirm(bo(logei))". Its score
// is the mean of theirs: that of a winner is too good by having won.
Method confirmed(const Method& donor);
void add_confirmations(std::vector<Method>& methods);  // of every search among them

// A soup over a method's runs (Wortsman et al. 2022): what its fused models become.
struct SoupKind {
  std::string_view name;
  std::string_view summary;
  std::string_view rule;  // the fusion rule that mixes the models as it does snapshots
};
std::span<const SoupKind> soups();

// The method that mixes what `donor`'s runs have become: "greedy_soup(bo(logei))".
Method souped(const Method& donor, const SoupKind& kind);

// Does it choose among training runs of its own? Not one run alone, nor what another has found.
bool is_search(const Method& method);

// A method as a spec has it: "swa", "{search: {bo: ei}, fuse: {bo: ucb}}".
std::string written(const Method& method);

// Checks the name of an acquisition or of an alternation such as "ei+ucb".
std::optional<std::string> read_acquisition(const Node& node, std::string_view what,
                                            Problems& problems);

// The fields of a spec that name methods; each may be null.
struct MethodNodes {
  const Node* methods;  // a list, or `all`: every named pair with its default acquisitions
  const Node* pairs;   // `all`: the paper's four bilevel rows, {ei, ucb} outside and inside; `none`
  const Node* refuse;  // `all`, or rules, by which the runs that bo with best found are fused again
  const Node* soup;    // `all`, or soups, of every search whose runs' heads begin alike
};
// `all` of refuse leaves ema out unless `has_average`.
std::vector<Method> read_methods(const MethodNodes& nodes, bool has_average, Problems& problems);

}  // namespace runner::spec
