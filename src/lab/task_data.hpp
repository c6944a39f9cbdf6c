#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/encoded.hpp"
#include "data/tokenizer.hpp"
#include "lab/start_weights.hpp"
#include "spec/spec.hpp"
#include "train/finetune.hpp"

namespace runner::lab {

// One task, read and tokenised for one max_length.
struct TaskData {
  const spec::TaskEntry* entry = nullptr;
  data::EncodedSplit train;
  std::vector<data::EncodedSplit> selection;  // metrics per part, then their mean
  std::vector<data::EncodedSplit> report;     // empty: the selection split is also the reported one
  std::vector<int> fusion_rows;               // of `train`, in the order in which rungs take them
  std::string hash;                           // of all of it
  std::unique_ptr<const StartWeights> start;
  std::shared_ptr<train::FrozenOutputs> frozen = train::make_frozen_outputs();
  std::string note;
};

// Reads the task's splits by the spec's row caps and outer_split, and the weights that its runs
// start from. The splits are the experiment's, not a cell's: every seed and method sees the same
// rows. Throws InputError on whatever is wrong with a file.
std::shared_ptr<const TaskData> read_task(const spec::Spec& spec, const spec::TaskEntry& entry,
                                          const data::Tokenizer& tokenizer, int max_length);

}  // namespace runner::lab
