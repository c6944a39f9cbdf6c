#pragma once

#include <string_view>

#include "data/task.hpp"
#include "spec/read.hpp"

namespace runner::spec {

// A user's own task:
//   {name: mine, train: a.tsv, dev: [b.tsv, c.tsv], text: [1, 2], label: -1, labels: [no, yes]}
// `text` and `label` are 0-based columns (-1 is the last) or names: of the header's columns, or of
// a JSON file's fields. `format` (tsv, csv, jsonl) follows the suffix, that before .gz, unless it
// is given; `header` says whether a TSV or CSV has one (true), `quoting` whether its fields may
// stand in quotes (in a CSV). `metric` is one name or several (accuracy); those of numbers
// (pearson, spearman, mse, mae) make it a regression, which has no `labels`. `positive` is the
// class that the metrics of two classes are about (the last of `labels`). Paths become absolute:
// relative ones are relative to the spec.
data::Task read_own_task(Section& section, std::string_view name, Problems& problems);

}  // namespace runner::spec
