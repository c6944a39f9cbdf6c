#include "experiment/status.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <optional>
#include <sstream>

#include "experiment/ahead.hpp"
#include "experiment/lease.hpp"
#include "fake_trainer.hpp"

using namespace runner;
using namespace runner::experiment;
using spec::Search;

namespace {

bool says(const Status& status, const std::string& text) {
  return status.text.find(text) != std::string::npos;
}

// The line of a cell.
std::string line_of(const Status& status, const std::string& cell) {
  std::istringstream lines(status.text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(cell)) return line;
  }
  return "";
}

}  // namespace

TEST_CASE("the status of a run says of each cell who is at it, how far it is and what went wrong") {
  const Folder folder;
  const spec::Spec spec = fake_spec(folder.path, several());
  FakeTrainer trainer;
  CHECK(says(status_of(spec), "0 of 20 cells done, 0 of 68 trials\n"));

  trainer.disturb = [](const RunRequest& request, RunRecord&) {
    if (request.task == "CoLA" && request.seed == 7) throw std::runtime_error("no memory left");
  };
  RunOptions options;
  options.cells = {"RTE/swa/seed0", "CoLA/swa/seed7", "RTE/random_search/seed0"};
  run(spec, trainer, options, {});
  std::string holder;
  std::optional<Lease> lease = Lease::take(cell_folder(list_cells(spec)[0]) / "owner.json", holder);
  run_ahead(
      named_runs(known_runs(spec), std::vector<std::string>{"CoLA/random_search/seed0/trial2"}),
      trainer, {}, {});

  const Status status = status_of(spec);
  CHECK_FALSE(status.done);
  CHECK(says(status, "2 of 20 cells done"));
  CHECK(line_of(status, "RTE/fine_tune/seed0").find(":" + std::to_string(::getpid())) !=
        std::string::npos);
  CHECK(line_of(status, "RTE/swa/seed0").find("1/1 done") != std::string::npos);
  CHECK(line_of(status, "RTE/random_search/seed0").find("5/5 done") != std::string::npos);
  CHECK(line_of(status, "CoLA/random_search/seed0").find("0+1/5") != std::string::npos);
  CHECK(line_of(status, "CoLA/swa/seed7").find("stopped by an error") != std::string::npos);
  CHECK(says(status, "what went wrong last:\nCoLA/swa/seed7: no memory left\n"));
  std::istringstream lines(status.text);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 100);

  lease.reset();
  trainer.disturb = nullptr;
  run_all(spec, trainer);
  const Status after = status_of(spec);
  CHECK(after.done);
  CHECK(says(after, "20 of 20 cells done, 68 of 68 trials\n"));
  CHECK_FALSE(says(after, "went wrong"));
}

TEST_CASE("a name that is too long for the table keeps its ends") {
  const Folder folder;
  spec::Spec spec = fake_spec(folder.path, {method("swa", Search::none, "swa")});
  spec.tasks[0].task.name = std::string(60, 'x') + "end";
  const Status status = status_of(spec);
  CHECK(line_of(status, "xxxx").find("xx..xx") != std::string::npos);
  CHECK(line_of(status, "xxxx").find("end/swa/seed0 ") != std::string::npos);
}
