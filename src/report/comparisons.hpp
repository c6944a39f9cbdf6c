#pragma once

#include <string>
#include <vector>

#include "report/compare.hpp"

namespace runner::report {

// The primary comparison and the family, on the average over all tasks, with verdicts.
Table comparisons_csv(const Comparing& all);
Table comparisons_twin(const Comparing& all);
Table comparisons_text(const Comparing& all);  // for a terminal: what is read first

// Each comparison on each task and seed, from the chosen models' predictions: of how many rows only
// one of the two was right, and McNemar's exact test of that. It speaks of these two trained models
// alone, and is never pooled over seeds. Not for regression.
Table mcnemar_csv(const Comparing& all);

}  // namespace runner::report
