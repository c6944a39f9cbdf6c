#include "spec/budget.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "io/csv.hpp"

namespace runner::spec {
namespace {

constexpr std::array kUnits = {
    BudgetUnitRow{"examples", "rows through the network: training, fusion, evaluation",
                  BudgetUnit::examples, 1.0},
    BudgetUnitRow{"flops", "2 x multiply-adds of the same, as computed", BudgetUnit::flops, 1.0},
    BudgetUnitRow{"h", "hours as recorded: a shared run's are those of who trained it",
                  BudgetUnit::seconds, 3600.0},
    BudgetUnitRow{"min", "minutes, likewise", BudgetUnit::seconds, 60.0},
    BudgetUnitRow{"s", "seconds, likewise", BudgetUnit::seconds, 1.0},
};

// The largest unit that divides the amount; seconds, the last, stand for all.
const BudgetUnitRow& row_of(const BudgetLimit& limit) {
  return *std::ranges::find_if(kUnits, [&](const BudgetUnitRow& row) {
    return row.unit == limit.unit &&
           (row.scale == 1.0 || std::fmod(limit.amount, row.scale) == 0.0);
  });
}

}  // namespace

std::span<const BudgetUnitRow> budget_units() { return kUnits; }

std::optional<BudgetLimit> read_budget(const Node& node, std::string_view what,
                                       Problems& problems) {
  const auto text = read_text(node, what, problems);
  if (!text) return {};
  std::vector<std::string_view> names;
  for (const BudgetUnitRow& row : kUnits) {
    names.push_back(row.name);
    if (!text->ends_with(row.name)) continue;
    std::string_view number = *text;
    number.remove_suffix(row.name.size());
    while (number.ends_with(' ')) number.remove_suffix(1);
    double amount = 0.0;
    if (!io::parse_number(number, amount)) continue;
    amount *= row.scale;
    if (amount > 0.0 && std::isfinite(amount)) return BudgetLimit{amount, row.unit};
  }
  problems.add(node.place,
               fmt::format("{}: '{}' is not a number above 0 with one of the units {}, as in 50000 "
                           "examples, 2e15 flops, 6h",
                           what, *text, fmt::join(names, ", ")));
  return {};
}

std::string written(const BudgetLimit& limit) {
  const BudgetUnitRow& row = row_of(limit);
  const double amount = limit.amount / row.scale;
  std::string number = fmt::format("{:g}", amount);  // 2e+15 rather than fifteen zeros
  double back = 0.0;
  const bool is_exact = io::parse_number(number, back) && back == amount;
  if (!is_exact || limit.unit != BudgetUnit::flops) number = io::number(amount);
  return fmt::format("{} {}", number, row.name);
}

std::string written(const BudgetLimit& limit, double spent) {
  return fmt::format("{:.6g} of {}", spent / row_of(limit).scale, written(limit));
}

}  // namespace runner::spec
