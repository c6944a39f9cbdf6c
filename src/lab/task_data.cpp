#include "lab/task_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "data/cache.hpp"
#include "data/splits.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "random/philox.hpp"

namespace runner::lab {
namespace {

template <typename T>
std::string_view bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::string hash_of(const data::EncodedSplit& split) {
  return io::content_hash(bytes_of(split.ids)) + io::content_hash(bytes_of(split.types)) +
         io::content_hash(bytes_of(split.offsets)) + io::content_hash(bytes_of(split.labels));
}

std::vector<int> all_rows(const data::EncodedSplit& split) {
  std::vector<int> rows(static_cast<std::size_t>(split.rows()));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

std::int64_t rows_of(const std::vector<data::EncodedSplit>& parts) {
  std::int64_t rows = 0;
  for (const data::EncodedSplit& part : parts) rows += part.rows();
  return rows;
}

}  // namespace

std::shared_ptr<const TaskData> read_task(const spec::Spec& spec, const spec::TaskEntry& entry,
                                          const data::Tokenizer& tokenizer, int max_length,
                                          std::uint64_t split_seed,
                                          const std::shared_ptr<const StartWeights>& start) {
  const data::Task& task = entry.task;
  const auto read = [&](const data::SplitFile& file) {
    return data::load_split(task, file, spec.glue_root, tokenizer, max_length,
                            spec.runs_root / ".tokens");
  };
  auto result = std::make_shared<TaskData>();
  result->entry = &entry;
  result->start = start;
  const data::EncodedSplit train = read(task.train);
  result->files_hash = hash_of(train);
  std::int64_t dev_rows = 0, dev_cut = 0, skipped = train.skipped_rows;
  std::vector<data::EncodedSplit> dev;
  for (const data::SplitFile& file : task.dev) {
    const data::EncodedSplit part = read(file);
    result->files_hash += hash_of(part);
    dev_rows += part.rows();
    dev_cut += part.truncated_rows;
    skipped += part.skipped_rows;
    dev.push_back(data::capped(part, task.regression, spec.max_dev_rows, data::report_rows_seed()));
  }
  std::vector<int> train_rows = all_rows(train);
  if (spec.holdout > 0.0) {
    const int count = data::selection_rows(train.rows(), spec.holdout, spec.max_train_rows,
                                           spec.max_selection_rows);
    data::HeldOut parts = data::hold_out(train.labels, task.regression, data::groups_by_text(train),
                                         count, random::derive(split_seed, "hold out"));
    result->selection.push_back(data::subset(train, parts.selection));
    result->report = std::move(dev);
    train_rows = std::move(parts.train);
  } else {
    result->selection = std::move(dev);
  }
  result->train = data::capped(data::subset(train, train_rows), task.regression,
                               spec.max_train_rows, random::derive(split_seed, "train rows"));
  // The whole split in subset order: any prefix is stratified, so any spec's `rows` is one.
  result->fusion_rows =
      data::stratified_subset(result->train.labels, task.regression, all_rows(result->train),
                              result->train.rows(), random::derive(split_seed, "fusion rows"));

  result->note = fmt::format(
      "{}: trains on {} of {} rows, selects on {} and reports on {} of {}; max_length {} cut {} "
      "training and {} dev rows of the files",
      task.name, result->train.rows(), train.rows(),
      spec.holdout > 0.0 ? fmt::format("{} held out", rows_of(result->selection)) : "dev",
      rows_of(result->report.empty() ? result->selection : result->report), dev_rows, max_length,
      train.truncated_rows, dev_cut);
  if (skipped > 0) result->note += fmt::format("; {} malformed rows were skipped", skipped);
  if (start != nullptr)
    for (const std::string& note : start->notes()) result->note += "; " + note;
  return result;
}

std::shared_ptr<const TaskData> halved(const TaskData& task, std::uint64_t split_seed) {
  auto result = std::make_shared<TaskData>(task);
  if (task.report.empty()) result->report = task.selection;
  result->selection.clear();
  for (const data::EncodedSplit& part : task.selection) {
    if (part.rows() < 2) {
      throw InputError(fmt::format("{}: a single row selects, which a soup cannot halve",
                                   task.entry->task.name));
    }
    const data::HeldOut halves =
        data::hold_out(part.labels, task.entry->task.regression, data::groups_by_text(part),
                       part.rows() / 2, random::derive(split_seed, "soup halves"));
    result->selection.push_back(data::subset(part, halves.train));
    result->judged.push_back(data::subset(part, halves.selection));
  }
  return result;
}

}  // namespace runner::lab
