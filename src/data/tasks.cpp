#include "data/tasks.hpp"

#include <algorithm>
#include <array>

namespace runner::data {
namespace {

constexpr int kLast = -1;

// A labelled split with a header, and a test split (header, no labels).
SplitFile labelled(std::string path, std::vector<int> text, int label, bool header = true) {
  return {.path = std::move(path),
          .header = header,
          .text_columns = std::move(text),
          .label_column = label,
          .text_fields = {},
          .label_field = {}};
}
SplitFile unlabelled(std::string path, std::vector<int> text) {
  return labelled(std::move(path), std::move(text), SplitFile::kNoLabel);
}

using enum Metric;

// Labels stand in the order of Hugging Face's `glue` data set. Heads are matched by these names,
// never by position: WNLI's 1 is entailment where RTE's is not, and checkpoints differ on MNLI.
const std::vector<std::string> kBinary = {"0", "1"};
const std::vector<std::string> kEntailment = {"entailment", "not_entailment"};
const std::vector<std::string> kInference = {"entailment", "neutral", "contradiction"};

const std::array kTasks = {
    Task{.name = "CoLA",
         .folder = "CoLA",
         .labels = kBinary,
         .metrics = {mcc},
         .train = labelled("train.tsv", {3}, 1, false),
         .dev = {labelled("dev.tsv", {3}, 1, false)},
         .test = {unlabelled("test.tsv", {1})}},
    Task{.name = "SST-2",
         .folder = "SST-2",
         .labels = kBinary,
         .metrics = {accuracy},
         .train = labelled("train.tsv", {0}, 1),
         .dev = {labelled("dev.tsv", {0}, 1)},
         .test = {unlabelled("test.tsv", {1})}},
    Task{.name = "MRPC",
         .folder = "MRPC",
         .labels = kBinary,
         .metrics = {f1, accuracy},
         .train = labelled("train.tsv", {3, 4}, 0),
         .dev = {labelled("dev.tsv", {3, 4}, 0)},
         .test = {unlabelled("test.tsv", {3, 4})}},
    Task{.name = "STS-B",
         .folder = "STS-B",
         .regression = true,
         .labels = {},
         .metrics = {pearson, spearman},
         .train = labelled("train.tsv", {7, 8}, kLast),
         .dev = {labelled("dev.tsv", {7, 8}, kLast)},
         .test = {unlabelled("test.tsv", {7, 8})}},
    Task{.name = "QQP",
         .folder = "QQP",
         .labels = kBinary,
         .metrics = {f1, accuracy},
         .train = labelled("train.tsv", {3, 4}, 5),
         .dev = {labelled("dev.tsv", {3, 4}, 5)},
         .test = {unlabelled("test.tsv", {1, 2})},
         .skip_malformed_rows = true},
    Task{.name = "MNLI",
         .folder = "MNLI",
         .labels = kInference,
         .metrics = {accuracy},
         .train = labelled("train.tsv", {8, 9}, kLast),
         .dev = {labelled("dev_matched.tsv", {8, 9}, kLast),
                 labelled("dev_mismatched.tsv", {8, 9}, kLast)},
         .test = {unlabelled("test_matched.tsv", {8, 9}),
                  unlabelled("test_mismatched.tsv", {8, 9})}},
    Task{.name = "QNLI",
         .folder = "QNLI",
         .labels = kEntailment,
         .metrics = {accuracy},
         .train = labelled("train.tsv", {1, 2}, kLast),
         .dev = {labelled("dev.tsv", {1, 2}, kLast)},
         .test = {unlabelled("test.tsv", {1, 2})}},
    Task{.name = "RTE",
         .folder = "RTE",
         .labels = kEntailment,
         .metrics = {accuracy},
         .train = labelled("train.tsv", {1, 2}, kLast),
         .dev = {labelled("dev.tsv", {1, 2}, kLast)},
         .test = {unlabelled("test.tsv", {1, 2})}},
    Task{.name = "WNLI",
         .folder = "WNLI",
         .labels = kBinary,
         .metrics = {accuracy},
         .train = labelled("train.tsv", {1, 2}, kLast),
         .dev = {labelled("dev.tsv", {1, 2}, kLast)},
         .test = {unlabelled("test.tsv", {1, 2})}},
    Task{.name = "AX",
         .folder = "AX",
         .labels = kInference,
         .metrics = {mcc},
         .train = {},
         .dev = {},
         .test = {unlabelled("diagnostic.tsv", {1, 2})}},
};

// A name without '-' and in lower case.
std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '-') continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

}  // namespace

std::span<const Task> glue_tasks() { return kTasks; }

const Task* find_task(std::string_view name) {
  const auto task =
      std::ranges::find(kTasks, folded(name), [](const Task& t) { return folded(t.name); });
  return task != kTasks.end() ? &*task : nullptr;
}

}  // namespace runner::data
