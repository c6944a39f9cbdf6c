#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "spec/read.hpp"
#include "spec/spec.hpp"

namespace runner::spec {

// A unit that outer.budget may have.
struct BudgetUnitRow {
  std::string_view name;
  std::string_view summary;
  BudgetUnit unit;
  double scale;  // of the amount: an hour is 3600 seconds
};
std::span<const BudgetUnitRow> budget_units();

// `50000 examples`, `2e15 flops`, `6h`; the space is free.
std::optional<BudgetLimit> read_budget(const Node& node, std::string_view what, Problems& problems);
// As a spec has it.
std::string written(const BudgetLimit& limit);
// "31200 of 50000 examples"
std::string written(const BudgetLimit& limit, double spent);

}  // namespace runner::spec
