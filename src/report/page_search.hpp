#pragma once

#include <vector>

#include "io/json_fwd.hpp"
#include "report/cells.hpp"

namespace runner::report {

// What the outer loop's model believes after each searching cell's last trial, refitted from the
// journals (bo::predict):
//
//   importance  for each searched variable the variance of its main effect on the predicted score,
//               as a share of all main effects: Hutter, Hoos, Leyton-Brown (2014), "An efficient
//               approach for assessing hyperparameter importance", section 3, over the whole box;
//               mean over the cells, largest first
//   axes        the variables of the surfaces, the two most important of them: {"variable": its
//               index in the spec's order, "edges": [n + 1] of its intervals, or null for a choice,
//               whose n values they are}
//   surfaces    for each cell the predicted selection score x 100 and its standard deviation,
//               "mean" and "sd" [n of the second axis][n of the first] in rows, where the other
//               variables are those of the chosen trial
io::Json page_search(const spec::Spec& spec, const std::vector<CellData>& cells);

}  // namespace runner::report
