#include "report/table.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace runner::report;

namespace {

Table small() {
  Table table;
  table.caption = "glue_mini: 50 % of R&D";
  table.columns = {"method", "RTE"};
  table.rows = {{"fine_tune", "70.00 ± 1.25"}, {"a|b", "–"}};
  return table;
}

}  // namespace

TEST_CASE("a table as CSV") {
  CHECK(to_csv(small()) == "method,RTE\nfine_tune,70.00 ± 1.25\na|b,–\n");
}

TEST_CASE("a table as Markdown") {
  CHECK(to_markdown(small()) ==
        "glue\\_mini: 50 % of R&D\n\n"
        "| method | RTE |\n| :-- | --: |\n"
        "| fine\\_tune | 70.00 ± 1.25 |\n| a\\|b | – |\n");
}

TEST_CASE("a table as LaTeX") {
  CHECK(to_latex(small()) ==
        "% needs \\usepackage{booktabs}\n\\begin{table}\n\\centering\n"
        "\\caption{glue\\_mini: 50 \\% of R\\&D}\n\\begin{tabular}{lr}\n\\toprule\n"
        "method & RTE \\\\\n\\midrule\n"
        "fine\\_tune & 70.00 $\\pm$ 1.25 \\\\\na|b & -- \\\\\n"
        "\\bottomrule\n\\end{tabular}\n\\end{table}\n");
}

TEST_CASE("a table on a terminal is aligned by what is seen, not by bytes") {
  CHECK(to_text(small()) ==
        "glue_mini: 50 % of R&D\n"
        "method              RTE\n"
        "fine_tune  70.00 ± 1.25\n"
        "a|b                   –\n");
}

TEST_CASE("numbers for people are rounded, numbers for programs are exact") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(rounded(76.8249, 2) == "76.82");
  CHECK(rounded(-0.001, 2) == "0.00");
  CHECK(rounded(-1.5, 1) == "-1.5");
  CHECK(rounded(nan, 2) == "–");
  CHECK(exact(0.1) == "0.1");
  CHECK(exact(nan) == "");
}
