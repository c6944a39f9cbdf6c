// The worked examples of docs/extending.md: what is shown there is compiled and tried here.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "bo/acquisition.hpp"
#include "data/glue.hpp"
#include "data/metrics.hpp"
#include "data/task.hpp"
#include "fusion/rules.hpp"
#include "io/file.hpp"
#include "model/family.hpp"
#include "places.hpp"
#include "spec/methods.hpp"

using namespace runner;
namespace fs = std::filesystem;

namespace {

using data::Task;

const Task kNews{.name = "news",
                 .folder = "news",  // below the GLUE root
                 .labels = {"sport", "trade", "weather"},
                 .metrics = {data::Metric::f1_macro},
                 .train = {.path = "train.tsv",
                           .text_columns = {1},
                           .label_column = 0,
                           .text_fields = {},
                           .label_field = {},
                           .expected = {"headline", "topic"}},
                 .dev = {{.path = "dev.tsv",
                          .text_columns = {1},
                          .label_column = 0,
                          .text_fields = {},
                          .label_field = {},
                          .expected = {"headline", "topic"}}},
                 .test = {}};

using data::MetricRow;
using data::MetricValue;

// The share of rows without the positive class that are told to be so.
MetricValue specificity(std::span<const int> predicted, std::span<const int> labels, int positive) {
  int negatives = 0, right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == positive) continue;
    ++negatives;
    right += predicted[i] != positive ? 1 : 0;
  }
  if (negatives == 0) return {0.0, true};  // undefined: counts 0 and is marked
  return {static_cast<double>(right) / negatives, false};
}

constexpr data::Metric kSpecificity{15};  // a name of its own in `enum class Metric`

constexpr MetricRow kSpecificityRow{
    "specificity", "share of the negatives that are found", kSpecificity,
    MetricRow::Kind::two_classes, [](const data::Judged& judged) {
      return specificity(judged.predicted, judged.labels, judged.positive);
    }};

using bo::Acquisition;
using bo::AcquisitionContext;
using bo::AcquisitionValue;
using bo::Prediction;

// The 20 % quantile of the prediction, to be as low as can be hoped for in one case of five.
AcquisitionValue hopeful(const Prediction& p, const AcquisitionContext&) {
  constexpr double kQuantile = 0.8416212335729143;  // of the standard normal at 80 %
  return {kQuantile * p.stddev - p.mean, -1.0, kQuantile};
}

constexpr Acquisition kHopefulRow{"hopeful", "20 % quantile of the prediction", hopeful, false};

using fusion::Measured;
using fusion::Progress;
using fusion::Rule;
using fusion::Step;

// The mean of all snapshots but the one with the largest training loss.
Step without_worst(const Progress& progress) {
  const auto count = static_cast<std::size_t>(progress.snapshots);
  Step step;
  step.alpha.assign(count, 0.0);
  if (progress.measured.size() < count) {  // ask for the next snapshot's loss
    step.kind = Step::Kind::measure;
    step.loss = true;
    step.alpha[progress.measured.size()] = 1.0;
    step.why.source = "snapshot";
    return step;
  }
  std::size_t worst = 0;
  for (std::size_t k = 0; k < count; ++k) {
    const double loss = progress.measured[k].loss;
    if (!std::isfinite(loss) || loss > progress.measured[worst].loss) worst = k;
  }
  for (std::size_t k = 0; k < count; ++k) {
    if (count == 1 || k != worst)
      step.alpha[k] = 1.0 / std::max(1.0, static_cast<double>(count) - 1.0);
  }
  return step;
}

constexpr Rule kWithoutWorstRow{"without_worst", "the mean of all snapshots but the worst",
                                without_worst};

using spec::MethodKind;
using spec::Search;

constexpr MethodKind kRandomSoup{"random_soup",
                                 "random hyperparameters, each run a greedy soup",
                                 Search::random,
                                 "greedy",
                                 "",
                                 ""};

using model::Family;

constexpr model::ConfigKeys kOwnKeys = {.hidden_size = "hidden_size",
                                        .layers = "num_hidden_layers",
                                        .heads = "num_attention_heads",
                                        .intermediate_size = "intermediate_size",
                                        .activation = "hidden_act",
                                        .dropout = "hidden_dropout_prob",
                                        .attention_dropout = "attention_probs_dropout_prob",
                                        .head_dropout = "classifier_dropout",
                                        .layer_norm_eps = "layer_norm_eps",
                                        .pad_token_id = "pad_token_id"};

constexpr std::array<std::string_view, model::kEncoderParts> kOwnNames = {
    "embed.tokens",
    "embed.places",
    "",
    "embed.norm",
    "",
    "",  // no segments, no projection
    "blocks.{}.q",
    "blocks.{}.k",
    "blocks.{}.v",
    "blocks.{}.o",
    "blocks.{}.norm1",
    "blocks.{}.up",
    "blocks.{}.down",
    "blocks.{}.norm2"};

constexpr Family kOwnRow = {.model_type = "ours",
                            .architecture = "OursForSequenceClassification",
                            .prefix = "ours.",
                            .keys = &kOwnKeys,
                            .names = &kOwnNames,
                            .head = {.dense = "head.dense", .output = "head.output"},
                            .positions_from_pad = false,
                            .pad_token_id = 0};

}  // namespace

TEST_CASE("the example of a task reads its files") {
  std::string folder = (fs::temp_directory_path() / "runner_extending_XXXXXX").string();
  const fs::path root = ::mkdtemp(folder.data());
  fs::create_directory(root / "news");
  CHECK(data::missing_files(kNews, root).size() == 2);
  for (const char* const file : {"train.tsv", "dev.tsv"}) {
    std::ofstream(root / "news" / file) << "topic\theadline\nsport\tThey won.\nweather\tRain.\n";
  }
  CHECK(data::missing_files(kNews, root).empty());
  CHECK(kNews.classes() == 3);
  CHECK(data::fits(data::metric_row(kNews.metrics.front()), kNews.classes()));
  fs::remove_all(root);
}

TEST_CASE("the example of a metric counts negatives") {
  const std::vector<int> predicted = {0, 1, 0, 1}, labels = {0, 0, 0, 1};
  data::Judged judged;
  judged.predicted = predicted;
  judged.labels = labels;
  judged.positive = 1;
  CHECK(kSpecificityRow.measure(judged).value == doctest::Approx(2.0 / 3.0));
  judged.labels = judged.predicted = std::span(labels).last(1);
  CHECK(kSpecificityRow.measure(judged).degenerate);
  CHECK(data::fits(kSpecificityRow, 2));
  CHECK_FALSE(data::fits(kSpecificityRow, 3));
}

TEST_CASE("the example of an acquisition has the derivatives that it says") {
  const bo::Prediction at{.mean = 0.3, .stddev = 0.7};
  const bo::AcquisitionContext context;
  const auto value = kHopefulRow.function(at, context);
  constexpr double kStep = 1e-6;
  const auto slope = [&](double mean, double stddev) {
    return (kHopefulRow.function({at.mean + mean, at.stddev + stddev}, context).value -
            value.value) /
           kStep;
  };
  CHECK(slope(kStep, 0.0) == doctest::Approx(value.by_mean).epsilon(1e-6));
  CHECK(slope(0.0, kStep) == doctest::Approx(value.by_stddev).epsilon(1e-6));
}

TEST_CASE("the example of a fusion rule leaves the worst snapshot out") {
  const std::vector<double> losses = {0.5, 0.9, 0.3};
  const fusion::Options options;
  std::vector<fusion::Measured> measured;
  fusion::Step step;
  do {
    step = kWithoutWorstRow.next({3, options, measured, 0});
    if (step.kind != fusion::Step::Kind::measure) break;
    fusion::Measured& answer = measured.emplace_back();
    answer.alpha = step.alpha;
    for (std::size_t k = 0; k < 3; ++k) {
      if (step.alpha[k] == 1.0) answer.loss = losses[k];
    }
  } while (measured.size() < 10);
  CHECK(measured.size() == 3);
  CHECK(step.alpha == std::vector<double>{0.5, 0.0, 0.5});
}

TEST_CASE("the example of a method's name is a pair that a spec can write already") {
  const spec::Method method =
      spec::make_method(kRandomSoup.search, kRandomSoup.rule, kRandomSoup.outer, kRandomSoup.inner);
  CHECK(method.name == "random+greedy");
  CHECK(fusion::find_rule(kRandomSoup.rule) != nullptr);
}

TEST_CASE("the example of a family names its tensors") {
  CHECK(model::tensor_name(kOwnRow, model::Part::query, 3) == "ours.blocks.3.q");
  CHECK(model::tensor_name(kOwnRow, model::Part::word, 0) == "ours.embed.tokens");
  CHECK(model::tensor_name(kOwnRow, model::Part::output, 0) == "head.output");
}

TEST_CASE("docs/extending.md shows what is compiled here") {
  const std::string source = io::read_file(source_dir() / "tests/extending/extending_test.cpp");
  const std::string page = io::read_file(source_dir() / "docs/extending.md");
  constexpr std::string_view kBegin = "```cpp\n", kEnd = "\n```\n";
  int blocks = 0;
  for (std::size_t at = 0; (at = page.find(kBegin, at)) != page.npos; ++blocks) {
    at += kBegin.size();
    const std::string block = page.substr(at, page.find(kEnd, at) - at);
    CHECK_MESSAGE(source.find(block) != source.npos, block);
  }
  CHECK(blocks == 6);
}
