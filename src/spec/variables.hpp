#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bo/space.hpp"
#include "spec/read.hpp"
#include "spec/spec.hpp"

namespace runner::spec {

// Where a variable's value lives in a Trial.
using Slot =
    std::variant<double*, int*, std::int64_t*, bool*, train::Schedule*, train::FirstStep*,
                 train::HeadInit*, train::Precision*, fusion::Objective*, fusion::Precision*>;

// One row of the table of everything that a spec may fix (`recipe:`, `inner:`) or search
// (`search:`). Its value is a number everywhere: an enum or a flag is the index in `values`.
struct VariableRow {
  std::string_view name;       // as in `search:` and in CSV; "inner_rows" is `rows` in `inner:`
  std::string_view summary;    // with its unit
  std::string_view trade_off;  // what another value costs and buys; may be empty
  bo::Type type;               // real, integer or choice
  Range range;                 // real, integer: what can be meant at all
  bool log;                    // searched on a log scale unless the spec says otherwise
  std::span<const std::string_view> values;  // choice: the enum's names in its order
  std::string_view unset;                    // the word for "not set" (-1); empty: must be set
  Slot (*slot)(Trial&);

  bool is_inner() const { return name.starts_with(kInner); }
  // The name inside its section of the spec.
  std::string_view key() const { return is_inner() ? name.substr(kInner.size()) : name; }
  double get(const Trial& trial) const;
  void set(Trial& trial, double value) const;
  // "1e-05", "linear", "config": what a spec would say.
  std::string written(double value) const;
  // The value that a spec's node means, in range; nothing after a problem.
  std::optional<double> read(const Node& node, std::string_view what, Problems& problems) const;

  static constexpr std::string_view kInner = "inner_";
};

std::span<const VariableRow> variables();
const VariableRow* find_variable(std::string_view name);  // null: not in the table
std::vector<std::string_view> variable_names();

// Writes a searched value into a trial: `value` is the variable's column of a bo::Point (for a
// choice its index). The name must be in the table.
void apply(Trial& trial, const bo::Variable& searched, double value);

// The inverse: the column's value that `trial` has already, or nothing when it lies outside of what
// is searched.
std::optional<double> column_of(const bo::Variable& searched, const Trial& trial);

// The same of every searched variable; 0 of those that do not exist where their parents are as in
// `trial`.
std::vector<std::optional<double>> columns_of(const std::vector<bo::Variable>& search,
                                              const Trial& trial);

// A column's value as a person and a CSV read it: the choice's text, a whole number, a real.
std::string written(const bo::Variable& searched, double value);

}  // namespace runner::spec
