#pragma once

#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "report/cells.hpp"

namespace runner::report {

// A table of the page's data: {"columns": [...], "rows": [[...], ...]}.
nlohmann::json page_table(std::initializer_list<const char*> columns);
void add_row(nlohmann::json& table, nlohmann::json row);
// So many significant digits, by default what no screen shows more of; null for what is not finite.
nlohmann::json shown(double value, int digits = 6);

// What the page shows of an experiment's journals, table by table (page.hpp).
nlohmann::json page_rows(const spec::Spec& spec, const std::vector<CellData>& cells);

}  // namespace runner::report
