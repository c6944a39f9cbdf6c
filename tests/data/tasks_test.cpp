#include "data/tasks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "data/glue.hpp"
#include "folder.hpp"
#include "places.hpp"

using namespace runner;
using namespace runner::data;

TEST_CASE("every task of GLUE is found by its name in any spelling") {
  std::set<std::string> names;
  for (const Task& task : glue_tasks()) {
    CHECK(find_task(task.name) == &task);
    names.insert(task.name);
  }
  CHECK(names == std::set<std::string>{"CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI",
                                       "RTE", "WNLI", "AX"});
  CHECK(find_task("sst2") == find_task("SST-2"));
  CHECK(find_task("cola") == find_task("CoLA"));
  CHECK(find_task("CoLA2") == nullptr);
  CHECK(find_task("") == nullptr);
}

TEST_CASE("labels stand in the order of Hugging Face's data sets") {
  using Labels = std::vector<std::string>;
  CHECK(find_task("RTE")->labels == Labels{"entailment", "not_entailment"});
  CHECK(find_task("QNLI")->labels == Labels{"entailment", "not_entailment"});
  CHECK(find_task("MNLI")->labels == Labels{"entailment", "neutral", "contradiction"});
  CHECK(find_task("AX")->labels == find_task("MNLI")->labels);
  CHECK(find_task("STS-B")->classes() == 1);
}

TEST_CASE("every task is scored, and F1's positive class is one of its labels") {
  for (const Task& task : glue_tasks()) {
    CHECK_FALSE(task.metrics.empty());
    if (std::ranges::find(task.metrics, Metric::f1) != task.metrics.end()) {
      CHECK(std::ranges::find(task.labels, task.positive_label) != task.labels.end());
    }
  }
}

TEST_CASE("reference: the splits of GLUE have their official numbers of rows") {
  const auto root = shared_folder("RUNNER_GLUE", "glue");
  if (!root) return;
  // MRPC's train file here is one row short of the official 3668.
  const std::map<std::string, std::vector<int>> counts = {
      {"CoLA", {8551, 1043, 1063}},     {"SST-2", {67349, 872, 1821}},
      {"MRPC", {3667, 408, 1725}},      {"STS-B", {5749, 1500, 1379}},
      {"QQP", {363846, 40430, 390965}}, {"MNLI", {392702, 9815, 9832, 9796, 9847}},
      {"QNLI", {104743, 5463, 5463}},   {"RTE", {2490, 277, 3000}},
      {"WNLI", {635, 71, 146}},         {"AX", {1104}},
  };
  int read = 0;
  for (const Task& task : glue_tasks()) {
    if (!std::filesystem::is_directory(*root / task.folder)) {
      MESSAGE("SKIPPED: no data of " << task.name);
      continue;
    }
    std::vector<const SplitFile*> splits;
    if (!task.train.path.empty()) splits.push_back(&task.train);
    for (const SplitFile& split : task.dev) splits.push_back(&split);
    const std::size_t labelled = splits.size();
    for (const SplitFile& split : task.test) splits.push_back(&split);
    const std::vector<int>& expected = counts.at(task.name);
    REQUIRE(splits.size() == expected.size());
    CHECK(missing_files(task, *root).empty());
    for (std::size_t i = 0; i < splits.size(); ++i) {
      CAPTURE(task.name);
      CAPTURE(splits[i]->path);
      const auto examples = read_split(task, *splits[i], *root);
      CHECK(static_cast<int>(examples.size()) == expected[i]);
      CHECK(std::ranges::none_of(examples, [](const Example& e) { return e.text_a.empty(); }));
      CHECK(std::isnan(examples.front().label) == (i >= labelled));
      ++read;
    }
  }
  CHECK(read > 0);
}

TEST_CASE("reference: rows of GLUE keep their odd characters and their blanks") {
  const auto root = shared_folder("RUNNER_GLUE", "glue");
  if (!root) return;
  const auto first = [&](const char* name, bool test) {
    const Task& task = *find_task(name);
    return read_split(task, test ? task.test.front() : task.train, *root).front();
  };
  CHECK(first("SST-2", false).text_a == "hide new secretions from the parental units ");
  CHECK(first("SST-2", false).label == 0.0f);
  CHECK(first("SST-2", true).text_a == "uneasy mishmash of styles and genres .");
  CHECK(first("MRPC", false).text_a.starts_with("Amrozi accused his brother , whom he called \" "));
  CHECK(first("MRPC", false).label == 1.0f);
  CHECK(first("STS-B", false).label == 5.0f);
  CHECK(first("RTE", false).label == 1.0f);
  CHECK(first("RTE", false).text_b == "Weapons of Mass Destruction Found in Iraq.");
}
