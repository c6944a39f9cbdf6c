#include "data/submission.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "data/glue.hpp"

namespace runner::data {

std::span<const SubmissionFile> submission_files() {
  static constexpr std::array<SubmissionFile, 11> kFiles = {{
      {"CoLA.tsv", "CoLA", 0, "CoLA", 1063},
      {"SST-2.tsv", "SST-2", 0, "SST-2", 1821},
      {"MRPC.tsv", "MRPC", 0, "MRPC", 1725},
      {"STS-B.tsv", "STS-B", 0, "STS-B", 1379},
      {"MNLI-m.tsv", "MNLI", 0, "MNLI", 9796},
      {"MNLI-mm.tsv", "MNLI", 1, "MNLI", 9847},
      {"AX.tsv", "AX", 0, "MNLI", 1104},
      {"QNLI.tsv", "QNLI", 0, "QNLI", 5463},
      {"QQP.tsv", "QQP", 0, "QQP", 390965},
      {"RTE.tsv", "RTE", 0, "RTE", 3000},
      {"WNLI.tsv", "WNLI", 0, "WNLI", 146},
  }};
  return kFiles;
}

std::string submission_text(const Task& task, std::span<const std::string> index,
                            std::span<const float> predicted) {
  if (index.size() != predicted.size()) {
    throw std::invalid_argument(
        fmt::format("{} predictions for {} rows", predicted.size(), index.size()));
  }
  std::string text = "index\tprediction\n";
  for (std::size_t row = 0; row < index.size(); ++row) {
    if (task.regression) {
      text += fmt::format("{}\t{:.3f}\n", index[row], std::clamp(predicted[row], 0.0F, 5.0F));
    } else {
      text += fmt::format("{}\t{}\n", index[row],
                          task.labels.at(static_cast<std::size_t>(predicted[row])));
    }
  }
  return text;
}

std::vector<std::string> read_index(const Task& task, const SplitFile& test, std::string_view bytes,
                                    std::string_view name) {
  SplitFile split = test;
  split.text_columns = {0};
  split.expected.clear();  // index, or id
  std::vector<std::string> index;
  for (Example& row : parse_split(task, split, bytes, name)) index.push_back(std::move(row.text_a));
  return index;
}

}  // namespace runner::data
