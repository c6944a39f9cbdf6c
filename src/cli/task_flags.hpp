#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/loaded_model.hpp"
#include "cli/options.hpp"
#include "data/encoded.hpp"
#include "data/task.hpp"

namespace runner::cli {

// --task, --spec, --glue: a task whose files a verb reads.
void add_task_flags(boost::program_options::options_description& flags);

// A task, where its files lie and how a run would read them.
struct TaskToRead {
  data::Task task;
  std::filesystem::path root;
  int max_dev_rows = 0;  // of each part; 0: all
  ModelDefaults defaults;
};

// GLUE's task as it is, or a spec's with all that it says about reading it. Throws InputError.
TaskToRead read_task_flags(const CommandLine& line);

// Throws InputError naming the files of these that are not there.
void require_parts(const TaskToRead& task, const std::vector<data::SplitFile>& parts);

// One of its files, read and encoded, its rows capped to `count` as a run caps dev; malformed rows
// that are skipped are told.
data::EncodedSplit read_part(const TaskToRead& task, const data::SplitFile& part, int count,
                             const data::Tokenizer& tokenizer, int max_length);

}  // namespace runner::cli
