#pragma once

#include <string>
#include <string_view>

#include "experiment/outer.hpp"
#include "spec/spec.hpp"

namespace runner::experiment {

struct Status {
  std::string text;   // a table of at most 100 columns, and what it comes to
  bool done = false;  // every cell
};

// Where every cell of a run stands: who is at it (host and process, or Slurm's job) and since when,
// its trials, how many an hour it makes, and for how long it will go on at that rate, by the
// seconds in its journal; and what went wrong last. Reads files alone, so it can be asked anywhere
// and at any time. A journal that cannot be read is told in its cell's place.
Status status_of(const spec::Spec& spec);

// For people: 9s, 3m20s, 4h05m; from two days on 2d.
std::string duration(double seconds);

// What went wrong last with a cell that is not complete, kept as CELL/error.txt. What cannot be
// written is let go: the error itself is told elsewhere.
void note_error(const Cell& cell, std::string_view message);
void forget_error(const Cell& cell);

}  // namespace runner::experiment
