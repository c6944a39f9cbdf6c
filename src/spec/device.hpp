#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "spec/read.hpp"

namespace runner::spec {

// Where a run computes, in one text: auto, cpu, cuda:N, cuda:all, or several GPUs as
// "cuda:0,cuda:1", which a spec writes as a list.
std::optional<std::string> read_device(const Node& node, Problems& problems);

// As a spec writes it.
std::string written_device(std::string_view device);

// auto, cpu or cuda: which GPU it is, and of how many, changes no table.
std::string device_kind(std::string_view device);

}  // namespace runner::spec
