#pragma once

#include <filesystem>

#include "experiment/trainer.hpp"
#include "train/finetune.hpp"

namespace runner::lab {

// What training reported, as the experiment sees it.
experiment::RunRecord record_of(const train::Result& result);

// The store's run.json, exact both ways.
void write_record(const std::filesystem::path& path, const experiment::RunRecord& record);
experiment::RunRecord read_record(const std::filesystem::path& path);

}  // namespace runner::lab
