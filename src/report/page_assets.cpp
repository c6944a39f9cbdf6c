#include "report/page_assets.hpp"

// Each file's bytes, put between two symbols by the assembler.
#define RUNNER_EMBED(name, file)         \
  __asm__(".section .rodata\n" #name     \
          "_begin:\n"                    \
          ".incbin \"" file "\"\n" #name \
          "_end:\n"                      \
          ".previous\n");                \
  extern "C" const char name##_begin[];  \
  extern "C" const char name##_end[]

RUNNER_EMBED(runner_page_html, RUNNER_PAGE "/page.html");
RUNNER_EMBED(runner_page_css, RUNNER_PAGE "/page.css");
RUNNER_EMBED(runner_page_charts, RUNNER_PAGE "/charts.js");
RUNNER_EMBED(runner_page_script, RUNNER_PAGE "/page.js");
RUNNER_EMBED(runner_vega, RUNNER_VEGA "/vega.min.js");
RUNNER_EMBED(runner_vega_lite, RUNNER_VEGA "/vega-lite.min.js");
RUNNER_EMBED(runner_vega_embed, RUNNER_VEGA "/vega-embed.min.js");

namespace runner::report {

const PageAssets& page_assets() {
  static const PageAssets kAssets = {
      .page = {runner_page_html_begin, runner_page_html_end},
      .style = {runner_page_css_begin, runner_page_css_end},
      .charts = {runner_page_charts_begin, runner_page_charts_end},
      .script = {runner_page_script_begin, runner_page_script_end},
      .vega = {runner_vega_begin, runner_vega_end},
      .vega_lite = {runner_vega_lite_begin, runner_vega_lite_end},
      .vega_embed = {runner_vega_embed_begin, runner_vega_embed_end}};
  return kAssets;
}

}  // namespace runner::report
