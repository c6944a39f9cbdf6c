#include "report/tables.hpp"

#include <fmt/format.h>

#include <string_view>

#include "experiment/run.hpp"
#include "io/file.hpp"
#include "report/cells.hpp"
#include "report/compare.hpp"
#include "report/rows.hpp"
#include "report/table.hpp"

namespace runner::report {

Written write_tables(const spec::Spec& spec) {
  const std::vector<CellData> cells = read_cells(spec);
  Written written;
  written.folder = experiment::run_folder(spec) / "tables";
  for (const CellData& data : cells) {
    if (data.complete) continue;
    written.missing.push_back(fmt::format("{}: {} of {}", experiment::cell_name(data.cell),
                                          data.history.trials.size(),
                                          experiment::planned_trials(data.cell)));
  }
  const auto write = [&](std::string_view name, const std::string& bytes) {
    written.files.push_back(written.folder / name);
    io::write_file_atomic(written.files.back(), bytes);
  };
  const Table methods = methods_twin(spec, cells);
  const Table pairs = pairs_twin(spec, cells);
  write("methods.csv", to_csv(methods_csv(spec, cells)));
  write("methods.md", to_markdown(methods));
  write("methods.tex", to_latex(methods));
  write("pairs.csv", to_csv(pairs_csv(spec, cells)));
  write("pairs.md", to_markdown(pairs));
  write("pairs.tex", to_latex(pairs));
  write("trials.csv", to_csv(trials_csv(spec, cells)));
  write("fusion.csv", to_csv(fusion_csv(cells)));
  write("curves.csv", to_csv(curves_csv(cells)));
  write("diagnostics.csv", to_csv(diagnostics_csv(cells)));
  write("timings.csv", to_csv(timings_csv(cells)));
  written.text = to_text(methods);
  if (!pairs.rows.empty()) written.text += "\n" + to_text(pairs);
  return written;
}

}  // namespace runner::report
