#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "data/task.hpp"

namespace runner::data {

// The class id or target that a label's text stands for: a class's name, or a number that is equal
// to the one that a name writes (1.0 is the label 1). `place()` opens the message. Throws
// InputError naming the value, what is allowed, and a name that looks the same.
float read_label(const Task& task, std::string_view text,
                 const std::function<std::string()>& place);

}  // namespace runner::data
