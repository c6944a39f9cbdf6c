#include "data/metrics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <set>
#include <stdexcept>

#include "data/tasks.hpp"
#include "folder.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "places.hpp"

using namespace runner;
using namespace runner::data;

TEST_CASE("metrics of a hand-counted confusion table") {
  // 3 true positives, 1 false positive, 2 false negatives, 4 true negatives.
  const std::vector<int> labels = {1, 1, 1, 1, 1, 0, 0, 0, 0, 0};
  const std::vector<int> predicted = {1, 1, 1, 0, 0, 1, 0, 0, 0, 0};
  CHECK(accuracy(predicted, labels).value == doctest::Approx(0.7));
  CHECK(f1(predicted, labels, 1).value == doctest::Approx(6.0 / 9.0));
  CHECK(f1(predicted, labels, 0).value == doctest::Approx(8.0 / 11.0));
  CHECK(mcc(predicted, labels).value == doctest::Approx((12 - 2) / std::sqrt(4.0 * 5 * 5 * 6)));
}

TEST_CASE("constant predictions score 0 and say so") {
  const std::vector<int> labels = {0, 1, 1, 0}, zeros(4, 0);
  CHECK(mcc(zeros, labels).value == 0.0);
  CHECK(mcc(zeros, labels).degenerate);
  CHECK(f1(zeros, labels, 1).value == 0.0);
  CHECK(f1(zeros, labels, 1).degenerate);
  CHECK_FALSE(accuracy(zeros, labels).degenerate);
  const std::vector<double> targets = {1, 2, 3}, constant(3, 0.1);
  for (const auto metric : {pearson, spearman}) {
    CHECK(metric(constant, targets).value == 0.0);
    CHECK(metric(constant, targets).degenerate);
    CHECK(metric(std::vector{1.0}, std::vector{2.0}).degenerate);
    CHECK(metric(std::vector{1.0, std::numeric_limits<double>::quiet_NaN(), 2.0}, targets)
              .degenerate);
    CHECK_FALSE(metric(targets, targets).degenerate);
  }
}

TEST_CASE("F1 of predictions that are all wrong is 0 without being undefined") {
  CHECK(f1(std::vector{1, 0}, std::vector{0, 1}, 1).value == 0.0);
  CHECK_FALSE(f1(std::vector{1, 0}, std::vector{0, 1}, 1).degenerate);
}

TEST_CASE("Spearman uses the mean rank of ties and ignores scale") {
  const std::vector<double> targets = {1, 2, 2, 4}, predicted = {10, 200, 3000, 40000};
  CHECK(spearman(predicted, targets).value == doctest::Approx(4.5 / std::sqrt(5.0 * 4.5)));
}

TEST_CASE("a task's score is the mean of its metrics, over the largest logits") {
  const std::vector<float> logits = {2, -1, 0, 3, 1, 1, -5, -4};
  const std::vector<float> labels = {0, 1, 1, 1};
  const Scores scores = score(*find_task("MRPC"), logits, labels);
  REQUIRE(scores.values.size() == 2);
  CHECK(scores.values[0].first == "f1");
  CHECK(scores.values[0].second == doctest::Approx(0.8));  // a tie goes to the lower class
  CHECK(scores.values[1].first == "accuracy");
  CHECK(scores.values[1].second == doctest::Approx(0.75));
  CHECK(scores.score == doctest::Approx(0.775));
}

TEST_CASE("regression is scored on the outputs themselves") {
  const Scores scores =
      score(*find_task("STS-B"), std::vector<float>{0.5f, 1.5f, 3.5f}, std::vector<float>{0, 1, 3});
  CHECK(scores.score == doctest::Approx(1.0));
  CHECK_FALSE(scores.degenerate);
}

TEST_CASE("a logit that is not finite makes a score unknown, not a class") {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const Task& task = *find_task("MRPC");
    const std::vector<float> logits = {1, 2, bad, 0}, labels = {1, 0};
    CHECK(predict(task, logits)[0] == 1);
    CHECK(std::isnan(predict(task, logits)[1]));
    CHECK(std::isnan(score(task, logits, labels).score));
    CHECK(std::isnan(score(*find_task("STS-B"), std::vector<float>{1, bad}, labels).score));
  }
}

TEST_CASE("a score needs labels, matching sizes and a positive class that exists") {
  Task task = *find_task("MRPC");
  const std::vector<float> logits = {1, 2};
  CHECK_THROWS_AS(score(task, logits, std::vector<float>{std::numeric_limits<float>::quiet_NaN()}),
                  std::invalid_argument);
  CHECK_THROWS_AS(score(task, logits, std::vector<float>{0, 1}), std::invalid_argument);
  task.positive_label = "yes";
  CHECK(error_of([&] { score(task, logits, std::vector<float>{1}); }) ==
        "task MRPC: positive_label 'yes' is none of its labels: 0, 1");
}

TEST_CASE("a score of a metric that does not fit the classes is refused") {
  Task task = *find_task("MNLI");
  task.metrics = {Metric::auroc};
  CHECK(error_of([&] {
          score(task, std::vector<float>{1, 2, 3}, std::vector<float>{1});
        }) == "task MNLI: metric 'auroc' does not fit 3 classes");
}

TEST_CASE("the table of metrics stands in the order of their names' values") {
  std::set<std::string_view> names;
  for (const MetricRow& row : metric_rows()) {
    CHECK(&metric_row(row.metric) == &row);
    CHECK(names.insert(row.name).second);
    CHECK(fits(row, 1) == (row.kind == MetricRow::Kind::numbers));
    CHECK(fits(row, 3) == (row.kind == MetricRow::Kind::classes));
  }
}

TEST_CASE("an error counts negative in a score") {
  Task task = *find_task("STS-B");
  task.metrics = {Metric::mse, Metric::mae};
  const std::vector<float> labels = {0, 1};
  const Scores scores = score(task, std::vector<float>{2, 1}, labels);
  CHECK(scores.values[0] == std::pair<std::string, double>("mse", 2.0));
  CHECK(scores.values[1] == std::pair<std::string, double>("mae", 1.0));
  CHECK(scores.score == -1.5);
  CHECK(std::isnan(score(task, std::vector<float>{NAN, 1}, labels).score));
}

TEST_CASE("the area under the curve is undefined for one class alone") {
  const std::vector<double> scores = {1, 2};
  CHECK(auroc(scores, std::vector<int>{1, 1}, 1).degenerate);
  CHECK(auroc(scores, std::vector<int>{0, 1}, 1).value == 1.0);
  CHECK(auroc(std::vector<double>{1, 1}, std::vector<int>{0, 1}, 1).value == 0.5);
}

TEST_CASE("every metric has scikit-learn's value") {
  const auto file = io::Json::parse(io::read_file(source_dir() / "tests/data/metrics.json"));
  std::set<std::string> seen;
  for (const auto& row : file["cases"]) {
    CAPTURE(row.dump());
    Task task;
    const int classes = row["classes"];
    task.regression = classes == 1;
    for (int id = 0; id < classes && classes > 1; ++id) task.labels.push_back(std::to_string(id));
    task.positive_label = std::to_string(row.value("positive", 1));
    for (const MetricRow& metric : metric_rows()) {
      if (!row["values"].contains(metric.name)) continue;
      task.metrics = {metric.metric};
      const Scores scores = score(task, row["logits"].get<std::vector<float>>(),
                                  row["labels"].get<std::vector<float>>());
      CAPTURE(metric.name);
      CHECK(std::abs(scores.values[0].second - row["values"][metric.name].get<double>()) <= 1e-12);
      seen.insert(std::string(metric.name));
      if (metric.name == "auroc") continue;  // of classes alone it is another number
      const Scores said =
          score_predictions(task, predict(task, row["logits"].get<std::vector<float>>()),
                            row["labels"].get<std::vector<float>>());
      CHECK(said.values == scores.values);
    }
  }
  CHECK(seen.size() + 2 == metric_rows().size());  // Pearson's and Spearman's are SciPy's, below
}

TEST_CASE("reference: metrics are scikit-learn's and SciPy's") {
  const auto folder = shared_folder("RUNNER_REFERENCE", "reference");
  if (!folder) return;
  const auto cases = io::Json::parse(io::read_file(*folder / "metrics.json"));
  REQUIRE(cases.size() > 0);
  for (const auto& row : cases) {
    CAPTURE(row.dump());
    const auto labels = row["labels"].get<std::vector<int>>();
    const auto predicted = row["predictions"].get<std::vector<int>>();
    const auto check = [&](const char* name, MetricValue value) {
      if (!row.contains(name)) return;
      const bool undefined = row[name].is_null() || !std::isfinite(row[name].get<double>());
      CHECK(std::abs(value.value - (undefined ? 0.0 : row[name].get<double>())) <= 1e-9);
      if (undefined) CHECK(value.degenerate);
    };
    check("accuracy", accuracy(predicted, labels));
    check("f1", f1(predicted, labels, 1));
    check("mcc", mcc(predicted, labels));
    if (row.contains("targets")) {
      const auto targets = row["targets"].get<std::vector<double>>();
      const auto scores = row["scores"].get<std::vector<double>>();
      check("pearson", pearson(scores, targets));
      check("spearman", spearman(scores, targets));
    }
  }
}
