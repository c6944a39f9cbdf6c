#pragma once

#include <span>
#include <string_view>

#include "data/task.hpp"

namespace runner::data {

// GLUE's tasks and AX in GLUE's order. AX has a test file only and takes an MNLI head.
std::span<const Task> glue_tasks();

// By name; upper and lower case and '-' do not matter ("sst2" is SST-2). Null when there is none.
const Task* find_task(std::string_view name);

}  // namespace runner::data
