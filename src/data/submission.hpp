#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/task.hpp"

namespace runner::data {

// One file of a submission to GLUE's leaderboard: a zip of all eleven, flat, each with the header
// "index\tprediction" and a line per row of the test file.
struct SubmissionFile {
  std::string_view name;   // in the zip
  std::string_view task;   // whose test file it answers
  std::size_t part;        // which of the task's test files
  std::string_view model;  // the task whose model answers: AX has none of its own
  int rows;                // of GLUE's own test file
};

std::span<const SubmissionFile> submission_files();

// What it holds: `index` are the test file's own. Classes are written as the task's labels, 0 and 1
// or words; STS-B's values with three decimals, clipped to 0 to 5 as GLUE's baselines do.
// `predicted` as data::predict gives it, each finite.
std::string submission_text(const Task& task, std::span<const std::string> index,
                            std::span<const float> predicted);

// The test file's rows as they have to be named: its column `index`. Throws InputError as
// read_split.
std::vector<std::string> read_index(const Task& task, const SplitFile& test, std::string_view bytes,
                                    std::string_view name);

}  // namespace runner::data
