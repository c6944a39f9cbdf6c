#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bo/space.hpp"

namespace runner::spec {

// One of the objectives of `suggest`, and the columns that tell of it in a history.
struct Goal {
  std::string objective = "y";
  bool maximise = false;
  std::string noise{};       // known noise of each row's outcome; empty: no such column
  bool is_variance = false;  // it is the variance, not the standard deviation
};

// What `runner suggest --space FILE` optimises.
struct SuggestSpace {
  bo::Space space;
  std::vector<Goal> goals;  // one, or two for their trade-offs
  // The history's columns of the variables in the order of a bo::Point: a simplex w of size 2 has
  // w_1 and w_2.
  std::vector<std::string> columns() const;
  // Those of what each acquisition nominated when hedge proposed the row, in the order of
  // bo::Suggestion::nominees: hedge_ei_lr, ...
  std::vector<std::string> nominee_columns() const;
};

// Reads
//   objective: loss               # a column of the history (y), or a list of two
//   goal: minimise                # or maximise
//   stddev: loss_sd               # or variance: a column with the known noise of each row
//   variables: ...                # as above
// For two objectives `goal`, `stddev` and `variance` may say something for each: a list in the same
// order, or {loss: minimise, score: maximise}. Throws InputError with all problems.
SuggestSpace load_space(const std::filesystem::path& file);

}  // namespace runner::spec
