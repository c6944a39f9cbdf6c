#include "report/tables.hpp"

#include <fmt/format.h>

#include <string_view>

#include "experiment/run.hpp"
#include "io/file.hpp"
#include "report/budget.hpp"
#include "report/compare.hpp"
#include "report/comparisons.hpp"
#include "report/rows.hpp"
#include "report/table.hpp"

namespace runner::report {

Written write_tables(const Study& study, std::size_t columns) {
  const Comparing& all = study.all();
  const spec::Spec& spec = all.spec;
  const std::vector<CellData>& cells = all.cells;
  Written written;
  written.folder = experiment::run_folder(spec) / "tables";
  const auto write = [&](std::string_view name, const std::string& bytes) {
    written.files.push_back(written.folder / name);
    io::write_file_if_changed(written.files.back(), bytes);
  };
  const Table methods = methods_twin(all);
  const Table pairs = pairs_twin(all);
  const Table compared = comparisons_twin(all);
  write("methods.csv", to_csv(methods_csv(all)));
  write("methods.md", to_markdown(methods));
  write("methods.tex", to_latex(methods));
  write("pairs.csv", to_csv(pairs_csv(all)));
  write("pairs.md", to_markdown(pairs));
  write("pairs.tex", to_latex(pairs));
  write("comparisons.csv", to_csv(comparisons_csv(all)));
  write("comparisons.md", to_markdown(compared));
  write("comparisons.tex", to_latex(compared));
  write("mcnemar.csv", to_csv(mcnemar_csv(all)));
  write("budget.csv", to_csv(budget_csv(spec, cells)));
  write("incumbent.csv", to_csv(incumbent_csv(cells)));
  write("trials.csv", to_csv(trials_csv(spec, cells)));
  write("fusion.csv", to_csv(fusion_csv(cells)));
  write("curves.csv", to_csv(curves_csv(cells)));
  write("diagnostics.csv", to_csv(diagnostics_csv(cells)));
  write("timings.csv", to_csv(timings_csv(cells)));
  written.text = to_text(methods_text(all, columns));
  if (!compared.rows.empty()) written.text += "\n" + to_text(comparisons_text(all));
  return written;
}

}  // namespace runner::report
