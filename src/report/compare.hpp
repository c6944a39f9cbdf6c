#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "report/cells.hpp"
#include "report/family.hpp"
#include "report/scores.hpp"
#include "report/table.hpp"

namespace runner::report {

// What the tables of comparisons are made of.
struct Comparing {
  const spec::Spec& spec;
  const std::vector<CellData>& cells;
  const Scores& scores;
  const std::vector<Comparison>& comparisons;
  const std::string& signature;
};

// The methods, with their differences to the baseline.

Table methods_csv(const Comparing& all);   // method x task
Table methods_twin(const Comparing& all);  // tasks as columns
// The same for a terminal, which drops detail until its rows are at most `columns` wide (0: none):
// how many trials a model proposed, digits, the spread of the averages, the second average, what
// went wrong, the tasks. Its caption says that it did.
Table methods_text(const Comparing& all, std::size_t columns);

bool is_pair(const spec::Method& method);  // has an acquisition at both levels

// The paper's ablation: the methods with an acquisition at both levels.
Table pairs_csv(const Comparing& all);
Table pairs_twin(const Comparing& all);

}  // namespace runner::report
