#pragma once

#include <string>
#include <vector>

namespace runner::data {

// Where one split of a task lies and how its rows are read. Columns are 0-based; -1 is the last
// column of the row. JSON has fields with names instead of columns. Any file may be packed by gzip.
struct SplitFile {
  std::string path;    // relative to the task's folder (or to the spec, for a user's task)
  bool header = true;  // TSV and CSV: the first line names the columns
  std::vector<int> text_columns;  // one or two
  int label_column = kNoLabel;
  std::vector<std::string> text_fields;  // JSON's, or columns named by the header
  std::string label_field;
  // What the header has to call the columns above, the label last; empty: anything.
  std::vector<std::string> expected;
  enum class Format { tsv, csv, jsonl } format = Format::tsv;  // jsonl: or one array of objects
  bool quoting = false;  // TSV and CSV: fields may stand in quotes, as RFC 4180 has them
  static constexpr int kNoLabel = -2;
};

// A row of metrics.cpp's table each.
enum class Metric {
  accuracy,
  balanced_accuracy,
  f1,
  f1_macro,
  f1_weighted,
  precision,
  precision_macro,
  recall,
  recall_macro,
  auroc,
  mcc,
  pearson,
  spearman,
  mse,
  mae
};

// One task: GLUE's own come from a table (tasks.hpp); a user's own is filled in from the spec.
struct Task {
  std::string name;
  std::string folder;  // below the GLUE root; empty for a user's own task
  bool regression = false;
  std::vector<std::string> labels;  // class id -> name as it stands in the files; empty: regression
  std::string positive_label = "1";  // of the metrics of two classes
  std::vector<Metric>
      metrics;  // the task's score is their mean (GLUE's own combination), errors negative
  SplitFile train;
  std::vector<SplitFile> dev;        // MNLI has two (matched, mismatched): the score is their mean
  std::vector<SplitFile> test;       // labels absent
  bool skip_malformed_rows = false;  // QQP: rows with a wrong number of fields, train and dev only
  int classes() const { return regression ? 1 : static_cast<int>(labels.size()); }
};

}  // namespace runner::data
