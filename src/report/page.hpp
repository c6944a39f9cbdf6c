#pragma once

#include <span>
#include <string>

#include "io/json_fwd.hpp"
#include "report/compare.hpp"

namespace runner::report {

// What the page draws (src/report/page/page.js reads it): tables as {"columns": [...], "rows":
// [[...], ...]}, numbers to six significant digits, what is not to be had as null. Of the inner
// loops and learning curves only those of each cell's chosen trial, so that the page stays small
// enough to be sent by mail.
io::Json page_data(std::span<const Comparing> experiments);

// report.html: one file that needs nothing else and asks the network for nothing. Whatever a name
// or a note holds, it stays text. Several experiments stand side by side, what differs first.
std::string page_html(std::span<const Comparing> experiments);

}  // namespace runner::report
