#pragma once

#include <string_view>
#include <vector>

#include "report/cells.hpp"
#include "report/scores.hpp"
#include "report/statistics.hpp"
#include "report/table.hpp"

namespace runner::report {

// What two searches are worth when they have spent the same. A training run that methods share is
// charged to each of them; trials are not cut: what counts at a mark is what was finished by then.

using Unit = spec::BudgetUnit;

// What a cell has spent when its history ends.
double spent(const CellData& data, Unit unit);
// The score x 100 on the report split of the best trial by selection among those that were finished
// when `amount` was spent; NaN when none was.
double score_at(const CellData& data, Unit unit, double amount);

// Paired differences of two methods, each pair at what the smaller of its two searches spent.
Strata differences_at_equal(const std::vector<CellData>& cells, const Tasks& tasks,
                            const spec::Method& method, const spec::Method& against, Unit unit);

// Every method at a quarter, a half, three quarters and the whole of what the smallest search of
// its task and seed spent.
Table budget_csv(const spec::Spec& spec, const std::vector<CellData>& cells);
// The incumbent after every trial, against what was spent until then.
Table incumbent_csv(const std::vector<CellData>& cells);

}  // namespace runner::report
