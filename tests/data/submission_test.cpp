#include "data/submission.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "data/tasks.hpp"

namespace runner::data {
namespace {

std::string text(const char* task, const std::vector<std::string>& index,
                 const std::vector<float>& predicted) {
  return submission_text(*find_task(task), index, predicted);
}

}  // namespace

TEST_CASE("classes are written as GLUE's leaderboard takes them: 0 and 1, or words") {
  const std::vector<std::string> index = {"0", "1", "2"};
  CHECK(text("CoLA", index, {1, 0, 1}) == "index\tprediction\n0\t1\n1\t0\n2\t1\n");
  CHECK(text("WNLI", index, {1, 0, 0}) == "index\tprediction\n0\t1\n1\t0\n2\t0\n");
  CHECK(text("RTE", index, {0, 1, 1}) ==
        "index\tprediction\n0\tentailment\n1\tnot_entailment\n2\tnot_entailment\n");
  CHECK(text("AX", index, {0, 1, 2}) ==
        "index\tprediction\n0\tentailment\n1\tneutral\n2\tcontradiction\n");
}

TEST_CASE("STS-B's values have three decimals and lie in 0 to 5") {
  CHECK(text("STS-B", {"0", "1", "2", "3"}, {2.71828F, -0.2F, 5.3F, 4.9996F}) ==
        "index\tprediction\n0\t2.718\n1\t0.000\n2\t5.000\n3\t5.000\n");
}

TEST_CASE("the submission has GLUE's eleven files, each for a test file that its task has") {
  std::set<std::string_view> names;
  for (const SubmissionFile& file : submission_files()) {
    names.insert(file.name);
    const Task* const task = find_task(file.task);
    REQUIRE(task != nullptr);
    CHECK(file.part < task->test.size());
    const Task* const model = find_task(file.model);
    REQUIRE(model != nullptr);
    CHECK(model->labels == task->labels);
  }
  CHECK(names == std::set<std::string_view>{"CoLA.tsv", "SST-2.tsv", "MRPC.tsv", "STS-B.tsv",
                                            "MNLI-m.tsv", "MNLI-mm.tsv", "QNLI.tsv", "QQP.tsv",
                                            "RTE.tsv", "WNLI.tsv", "AX.tsv"});
}

TEST_CASE("rows are named as the test file names them") {
  const Task& qqp = *find_task("QQP");
  const std::string bytes = "id\tquestion1\tquestion2\n7\ta\tb\n3\tc\td\n";
  CHECK(read_index(qqp, qqp.test.front(), bytes, "test.tsv") == std::vector<std::string>{"7", "3"});
}

}  // namespace runner::data
