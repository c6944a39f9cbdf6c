#pragma once

#include <string_view>

namespace runner::report {

// The files that the page is made of, as they lie in src/report/page/ and third_party/vega/.
struct PageAssets {
  std::string_view page, style, charts, script;  // page.html, page.css, charts.js, page.js
  std::string_view vega, vega_lite, vega_embed;
};

const PageAssets& page_assets();

}  // namespace runner::report
