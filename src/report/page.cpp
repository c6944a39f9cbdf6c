#include "report/page.hpp"

#include <string_view>
#include <utility>

#include "io/error.hpp"
#include "io/json.hpp"
#include "report/page_assets.hpp"

namespace runner::report {
namespace {

// JSON that may stand inside a <script> element: no "<" can end it or begin another.
std::string script_safe(const io::Json& value) {
  const std::string text =
      value.dump(-1, ' ', false, io::Json::error_handler_t::replace);  // names may be bytes
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) c == '<' ? safe += "\\u003c" : safe += c;
  return safe;
}

std::string html_text(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

}  // namespace

std::string page_html(std::span<const Comparing> experiments) {
  std::string title;
  for (const Comparing& all : experiments) title += (title.empty() ? "" : ", ") + all.spec.name;
  const std::pair<std::string_view, std::string> parts[] = {
      {"@TITLE@", html_text(title)},
      {"@STYLE@", std::string(page_assets().style)},
      {"@DATA@", script_safe(page_data(experiments))},
      {"@VEGA@", std::string(page_assets().vega)},
      {"@VEGA_LITE@", std::string(page_assets().vega_lite)},
      {"@VEGA_EMBED@", std::string(page_assets().vega_embed)},
      {"@CHARTS@", std::string(page_assets().charts)},
      {"@SCRIPT@", std::string(page_assets().script)}};
  // The marks come in this order, so that nothing that was put in is searched for the next one.
  const std::string_view page = page_assets().page;
  std::string html;
  std::size_t from = 0;
  for (const auto& [mark, content] : parts) {
    const std::size_t at = page.find(mark, from);
    html += page.substr(from, at - from);
    html += content;
    from = at + mark.size();
  }
  return html.append(page.substr(from));
}

}  // namespace runner::report
