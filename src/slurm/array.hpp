#pragma once

#include <functional>
#include <optional>
#include <string>

namespace runner::slurm {

// Share `index` of `count`, from 0.
struct Place {
  int index = 0, count = 1;
};

// The place of this task in its array by Slurm's variables, which `variable` gives ("" where one is
// not set): its position. Nothing outside of an array. Throws InputError, with what to do instead,
// where the array has holes: how many tasks there are between its ends is not told.
std::optional<Place> place_in_array(const std::function<std::string(const char*)>& variable);

// A number of Slurm's or of --shard: 0 to 10^6. Throws InputError naming `what`.
int whole_number(std::string_view text, std::string_view what);

}  // namespace runner::slurm
