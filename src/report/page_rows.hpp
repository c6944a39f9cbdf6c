#pragma once

#include <initializer_list>
#include <vector>

#include "io/json_fwd.hpp"
#include "report/cells.hpp"

namespace runner::report {

// A table of the page's data: {"columns": [...], "rows": [[...], ...]}.
io::Json page_table(std::initializer_list<const char*> columns);
void add_row(io::Json& table, io::Json row);
// So many significant digits, by default what no screen shows more of; null for what is not finite.
io::Json shown(double value, int digits = 6);

// What the page shows of an experiment's journals, table by table (page.hpp).
io::Json page_rows(const spec::Spec& spec, const std::vector<CellData>& cells);

}  // namespace runner::report
