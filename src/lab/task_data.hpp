#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/encoded.hpp"
#include "data/tokenizer.hpp"
#include "lab/start_weights.hpp"
#include "spec/spec.hpp"
#include "train/finetune.hpp"

namespace runner::lab {

// One task, read and tokenised for one max_length, and split by one seed.
struct TaskData {
  const spec::TaskEntry* entry = nullptr;
  data::EncodedSplit train;
  std::vector<data::EncodedSplit> selection;  // metrics per part, then their mean
  std::vector<data::EncodedSplit> report;     // empty: the selection split is also the reported one
  std::vector<data::EncodedSplit> judged;     // see halved(); empty: the selection split
  std::vector<int> fusion_rows;               // of `train`, in the order in which rungs take them
  std::string files_hash;                     // of the files' rows, whatever is made of them
  std::shared_ptr<const StartWeights> start;
  std::shared_ptr<train::FrozenOutputs> frozen = train::make_frozen_outputs();
  std::string note;
};

// Reads the task's splits by the spec's row caps and outer_split. Which rows train and which select
// is drawn by `split_seed`, a cell's: every method sees the same ones, every seed others. The
// reported rows are the experiment's. `start` is null where only the rows matter. Throws InputError
// on whatever is wrong with a file.
std::shared_ptr<const TaskData> read_task(const spec::Spec& spec, const spec::TaskEntry& entry,
                                          const data::Tokenizer& tokenizer, int max_length,
                                          std::uint64_t split_seed,
                                          const std::shared_ptr<const StartWeights>& start);

// The same with its selection split in two halves, stratified and with what has a text in common on
// one side: `selection` is what chooses, `judged` what the choice is scored on. What was reported
// still is. Throws InputError where a part of the split has a single row.
std::shared_ptr<const TaskData> halved(const TaskData& task, std::uint64_t split_seed);

}  // namespace runner::lab
