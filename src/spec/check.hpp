#pragma once

#include <set>
#include <string_view>

#include "spec/read.hpp"
#include "spec/spec.hpp"

namespace runner::spec {

// What is wrong between values that are each right alone: a search without variables, more
// snapshots than steps, ... `root` is where the spec's values stand; nothing is said about
// variables named in `unread`, whose values were problems themselves.
void check(const Spec& spec, const Node& root, const std::set<std::string_view>& unread,
           Problems& problems);

}  // namespace runner::spec
