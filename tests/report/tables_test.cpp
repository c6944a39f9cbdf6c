#include "report/tables.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>

#include "../experiment/fake_trainer.hpp"
#include "io/checked.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "report/signature.hpp"

using namespace runner;
using namespace runner::experiment;
using spec::Search;
namespace fs = std::filesystem;

namespace {

spec::Spec table_spec(const fs::path& runs) {
  std::vector<spec::Method> methods = {method("fine_tune", Search::none, "last"),
                                       method("swa", Search::none, "swa"),
                                       method("random_search", Search::random, "last")};
  for (const spec::Method& pair : pairs()) methods.push_back(pair);
  spec::Spec spec = fake_spec(runs, methods);
  spec.measure_chance = false;
  return spec;
}

// Every table but the seconds, by file name.
std::map<std::string, std::string> tables(const spec::Spec& spec) {
  std::map<std::string, std::string> bytes;
  for (const fs::path& file : report::write_tables(report::Study(spec)).files) {
    if (file.filename() != "timings.csv") bytes[file.filename()] = io::read_file(file);
  }
  return bytes;
}

// A CSV as rows of column -> field.
std::vector<std::map<std::string, std::string>> read_csv(const std::string& text) {
  const auto records = io::parse_csv(text, "table");
  std::vector<std::map<std::string, std::string>> rows;
  for (std::size_t i = 1; i < records.size(); ++i) {
    REQUIRE(records[i].fields.size() == records[0].fields.size());
    auto& row = rows.emplace_back();
    for (std::size_t j = 0; j < records[0].fields.size(); ++j) {
      row[records[0].fields[j]] = records[i].fields[j];
    }
  }
  return rows;
}

double number(const std::string& text) {
  double value = 0.0;
  REQUIRE_MESSAGE(io::parse_number(text, value), "not a number: '" << text << "'");
  return value;
}

}  // namespace

TEST_CASE("tables are the same bytes for one process, four workers, shards and after a stop") {
  FakeTrainer trainer;
  const Folder one;
  spec::Spec spec = table_spec(one.path);
  run(spec, trainer, {}, {});
  const auto expected = tables(spec);
  CHECK(expected.size() == 16);
  CHECK(tables(spec) == expected);  // and writing them again changes nothing

  const Folder many;
  spec.runs_root = many.path;
  RunOptions options;
  options.workers = 4;
  run(spec, trainer, options, {});
  CHECK(tables(spec) == expected);

  const Folder shards;
  spec.runs_root = shards.path;
  for (const int shard : {1, 0, 2}) {
    options = {};
    options.shard = shard;
    options.shards = 3;
    run(spec, trainer, options, {});
    CHECK(report::Study(spec).missing().empty() == (shard == 2));
  }
  CHECK(tables(spec) == expected);

  const Folder stopped;
  spec.runs_root = stopped.path;
  for (bool interrupted = true; interrupted;) {
    int questions = 0;
    interrupted =
        run(spec, trainer, {}, {.on_progress = {}, .should_stop = [&] { return ++questions > 90; }})
            .interrupted;
  }
  CHECK(tables(spec) == expected);
}

TEST_CASE("methods.csv holds what the journals say") {
  const Folder folder;
  FakeTrainer trainer;
  const spec::Spec spec = table_spec(folder.path);
  run(spec, trainer, {}, {});
  const auto rows = read_csv(tables(spec).at("methods.csv"));
  CHECK(rows.size() == spec.methods.size() * 3);  // two tasks and their average

  // By hand: SWA against fine-tuning on both tasks and seeds.
  std::map<std::string, std::map<std::string, std::vector<double>>> scores;
  for (const Cell& cell : list_cells(spec)) {
    const History history = read_history(cell);
    const auto& chosen = history.trials[static_cast<std::size_t>(best_trial(history.trials))];
    scores[cell.method->name][cell.task->task.name].push_back(100.0 *
                                                              chosen.evaluation.report.score);
  }
  const auto& row = rows[5];
  CHECK(row.at("method") == "swa");
  CHECK(row.at("task") == "average");
  CHECK(row.at("selection_split") == "holdout:0.1");
  CHECK(row.at("report_split") == "dev");
  CHECK(row.at("max_train_rows") == "all");
  CHECK(row.at("n_seeds") == "2");
  CHECK(row.at("n_pairs") == "4");
  const auto& swa = scores["swa"];
  const auto& base = scores["fine_tune"];
  const auto mean = [](const auto& of) {
    return (of.at("RTE")[0] + of.at("RTE")[1] + of.at("CoLA")[0] + of.at("CoLA")[1]) / 4.0;
  };
  CHECK(number(row.at("mean")) == doctest::Approx(mean(swa)));
  CHECK(number(row.at("difference")) == doctest::Approx(mean(swa) - mean(base)));
  const double first = (swa.at("RTE")[0] + swa.at("CoLA")[0]) / 2.0;
  const double second = (swa.at("RTE")[1] + swa.at("CoLA")[1]) / 2.0;
  CHECK(number(row.at("sd")) == doctest::Approx(std::abs(first - second) / std::sqrt(2.0)));
  CHECK(number(row.at("ci_low")) <= number(row.at("difference")));
  CHECK(number(row.at("ci_high")) >= number(row.at("difference")));
  CHECK(number(row.at("p_value")) >= 2.0 / 16.0);
  CHECK(number(row.at("examples")) == 120.0);
  // The baseline is not compared with itself.
  CHECK(rows[0].at("difference").empty());
  CHECK(rows[0].at("metric") == "accuracy");
}

TEST_CASE("pairs.csv holds the four pairs on every task and on average") {
  const Folder folder;
  FakeTrainer trainer;
  const spec::Spec spec = table_spec(folder.path);
  run(spec, trainer, {}, {});
  const auto rows = read_csv(tables(spec).at("pairs.csv"));
  REQUIRE(rows.size() == 12);
  CHECK(rows[0].at("outer") == "ei");
  CHECK(rows[0].at("inner") == "ucb");
  CHECK(rows[0].at("task") == "RTE");
  CHECK(rows[11].at("outer") == "ucb");
  CHECK(rows[11].at("inner") == "ei");
  CHECK(rows[11].at("task") == "average");
}

TEST_CASE("trials.csv shows lambda as a spec would say it, budgets that add up and incumbents") {
  const Folder folder;
  FakeTrainer trainer;
  const spec::Spec spec = table_spec(folder.path);
  run(spec, trainer, {}, {});
  const auto files = tables(spec);
  std::map<std::string, double> spent, best;
  std::map<std::string, std::string> run_of;
  for (const auto& row : read_csv(files.at("trials.csv"))) {
    const std::string cell = row.at("task") + row.at("method") + row.at("seed");
    spent[cell] += number(row.at("examples"));
    CHECK(number(row.at("cell_examples")) == spent[cell]);
    const bool first = !best.contains(cell);
    const bool better = first || number(row.at("objective")) < best[cell];
    CHECK((row.at("incumbent") == "1") == better);
    if (better) best[cell] = number(row.at("objective"));
    CHECK((row.at("batch_size") == "8" || row.at("batch_size") == "16" ||
           row.at("batch_size") == "32"));
    CHECK(number(row.at("selection_score")) == -number(row.at("objective")));
    CHECK(row.at("report_accuracy") == row.at("report_score"));
    // The same run has the same name wherever it is used, another run another.
    const std::string key = row.at("task") + row.at("run_seed") + row.at("lr");
    CHECK(run_of.emplace(key, row.at("run")).first->second == row.at("run"));
  }
  std::map<std::string, int> points;
  for (const auto& row : read_csv(files.at("curves.csv"))) ++points[row.at("run")];
  CHECK(points.size() == run_of.size());
  for (const auto& [run, count] : points) CHECK(count == 5);
  std::map<std::string, int> evaluations;
  for (const auto& row : read_csv(files.at("fusion.csv"))) {
    const std::string trial = row.at("task") + row.at("method") + row.at("seed") + row.at("trial");
    CHECK(number(row.at("evaluation")) == evaluations[trial]++);
  }
  CHECK(evaluations.size() == 4 * 2 * 2 * 5);
}

TEST_CASE("what was selected on is named, and so are row caps and missing cells") {
  const Folder folder;
  FakeTrainer trainer;
  spec::Spec spec = table_spec(folder.path);
  spec.holdout = 0.0;
  spec.max_train_rows = 2000;
  RunOptions options;
  options.only = "RTE";
  run(spec, trainer, options, {});
  const report::Study study(spec);
  const report::Written written = report::write_tables(study);
  REQUIRE(study.missing().size() == 14);
  CHECK(study.missing()[0] == "CoLA/fine_tune/seed0: 0 of 1 trials");
  const std::string markdown = io::read_file(written.folder / "methods.md");
  CHECK(markdown.find("report split: dev (also selected on)") != std::string::npos);
  CHECK(markdown.find("rows per task: train 2000, dev all") != std::string::npos);
  CHECK(markdown.find("INCOMPLETE: 14 of 28 cells") != std::string::npos);
  const auto rows = read_csv(io::read_file(written.folder / "methods.csv"));
  CHECK(rows[0].at("max_train_rows") == "2000");
  CHECK(rows[0].at("report_split") == "dev (also selected on)");
  CHECK(rows[2].at("task") == "average");
  CHECK(rows[2].at("mean").empty());  // no average over half of the tasks
  CHECK(written.text.find("fine_tune") != std::string::npos);
  CHECK(written.text.find("ucb") != std::string::npos);
}

TEST_CASE("failed and collapsed runs are counted, and a cell without a result has no score") {
  const Folder folder;
  FakeTrainer trainer;
  trainer.disturb = [](const RunRequest& request, RunRecord& record) {
    if (request.task == "RTE" && request.seed == 0) record.status = train::Status::diverged;
    if (request.task == "CoLA" && request.seed == 0) record.status = train::Status::collapsed;
  };
  spec::Spec spec = table_spec(folder.path);
  spec.methods.resize(1);
  spec::choose_comparisons(spec);
  run(spec, trainer, {}, {});
  const auto files = tables(spec);
  const auto rows = read_csv(files.at("methods.csv"));
  CHECK(rows[0].at("failed_runs") == "1");
  CHECK(rows[0].at("diverged_runs") == "1");
  CHECK(rows[0].at("n_seeds") == "1");
  CHECK(rows[1].at("collapsed_runs") == "1");
  CHECK(rows[1].at("n_seeds") == "2");
  CHECK(rows[2].at("failed_runs") == "1");
  CHECK(rows[2].at("n_seeds") == "1");  // seeds that have every task
  const auto trials = read_csv(files.at("trials.csv"));
  CHECK(trials[0].at("status") == "diverged");
  CHECK(trials[0].at("objective").empty());
  CHECK(trials[0].at("report_score").empty());
}

TEST_CASE("the table for a terminal drops detail, and never a method, until it fits") {
  const Folder folder;
  FakeTrainer trainer;
  trainer.disturb = [](const RunRequest& request, RunRecord& record) {
    if (request.task == "RTE") record.status = train::Status::collapsed;
  };
  spec::Spec spec = table_spec(folder.path);
  for (const char* name : {"SST-2", "MRPC", "QNLI", "MNLI", "QQP"}) {
    spec.tasks.push_back(spec.tasks[0]);
    spec.tasks.back().task.name = name;
  }
  spec.measure_chance = false;
  spec.at_chance = {"MRPC"};
  run(spec, trainer, {}, {});
  const report::Study study(spec);
  const report::Table whole = report::methods_text(study.all(), 0);
  CHECK(report::text_width(whole) > 100);
  CHECK(report::to_text(whole).find("--wide") == std::string::npos);
  std::size_t before = report::text_width(whole);
  for (const std::size_t columns : {110U, 100U, 90U, 80U, 70U}) {
    CAPTURE(columns);
    const report::Table table = report::methods_text(study.all(), columns);
    const std::size_t width = report::text_width(table);
    CHECK(width <= columns);
    CHECK(width <= before);
    before = width;
    CHECK(table.rows.size() == spec.methods.size());
    CHECK(std::ranges::find(table.columns, "average") != table.columns.end());
    CHECK(table.caption.find("--wide") != std::string::npos);
  }
  // Narrower than any: the averages alone, as narrow as they are.
  const report::Table least = report::methods_text(study.all(), 10);
  CHECK(std::ranges::find(least.columns, "RTE") == least.columns.end());
  // What fits is whole.
  spec.tasks.resize(2);
  spec.at_chance.clear();
  const report::Study small(spec);
  CHECK(report::to_text(report::methods_text(small.all(), 100)) ==
        report::to_text(report::methods_text(small.all(), 0)));
}

TEST_CASE("what is damaged in a journal is missing from the tables, and named") {
  const Folder folder;
  FakeTrainer trainer;
  const spec::Spec spec = table_spec(folder.path);
  run(spec, trainer, {}, {});
  const std::size_t rows = read_csv(tables(spec).at("trials.csv")).size();
  const Cell last = list_cells(spec).back();
  const fs::path journal = cell_folder(last) / "journal.jsonl";
  std::string bytes = io::read_file(journal);
  bytes[bytes.find('\n') + 60] ^= 1;
  io::write_file_atomic(journal, bytes);
  const report::Study study(spec);
  const report::Written written = report::write_tables(study);
  REQUIRE(study.missing().size() == 1);
  CHECK(study.missing()[0].starts_with(
      fmt::format("{}: 0 of {} trials; {}:2: this line was changed", cell_name(last),
                  *planned_trials(last), journal.string())));
  CHECK(written.text.find("INCOMPLETE") != std::string::npos);
  CHECK(read_csv(io::read_file(written.folder / "trials.csv")).size() ==
        rows - static_cast<std::size_t>(*planned_trials(last)));
}

TEST_CASE("every table for people ends in the line that tells which experiment it is") {
  const Folder folder;
  FakeTrainer trainer;
  const spec::Spec spec = table_spec(folder.path);
  const fs::path inputs = run_folder(spec) / "inputs";
  const auto claim = [&](const char* name, const char* record) {
    io::write_file_atomic(inputs / name, io::checked_line(record));
  };
  claim("RTE_128.json", R"({"data":"abc","model":"def"})");
  claim("CoLA_128.json", R"({"data":"abd","model":"def"})");
  io::write_file_atomic(inputs / "CoLA_64.json", "torn");
  run(spec, trainer, {}, {});
  const auto files = tables(spec);
  const std::string line = report::signature(spec);
  CHECK(line.find("trainer ") != std::string::npos);
  CHECK(line.find("selection holdout:0.1; report dev; seeds 0 7; trials 5 (2 modelled)") !=
        std::string::npos);
  CHECK(line.find(" RTE:") != std::string::npos);
  CHECK(line.find(" CoLA:") != std::string::npos);
  for (const char* name : {"methods.tex", "comparisons.tex", "pairs.tex"}) {
    CHECK(files.at(name).find("selection holdout:0.1; report dev") != std::string::npos);
  }
  // What a killed process left half written says nothing.
  claim("RTE_128.json.tmp-q1W2e3", R"({"data":"abf","model":"def"})");
  CHECK(report::signature(spec) == line);
  // Other data are another experiment.
  claim("RTE_128.json", R"({"data":"abe","model":"def"})");
  CHECK(report::signature(spec) != line);
}
