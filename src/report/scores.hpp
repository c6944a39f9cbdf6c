#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "report/cells.hpp"
#include "report/statistics.hpp"

namespace runner::report {

using BySeed = std::map<std::uint64_t, double>;
using Tasks = std::vector<const spec::TaskEntry*>;

// The comparison's scores, x 100 on the report split, of each complete cell's chosen trial. Only
// complete cells count, so that all have spent the same number of runs.
class Scores {
 public:
  Scores(const spec::Spec& spec, const std::vector<CellData>& cells);

  const BySeed& of(const spec::TaskEntry& task, const spec::Method& method) const;
  // A method's minus another's, paired by seed: a stratum for each task.
  Strata differences(const Tasks& tasks, const spec::Method& method,
                     const spec::Method& against) const;

  const Tasks& tasks() const { return tasks_; }
  // The tasks on which a model has learned something, and those that are at chance: the spec's
  // word, or measured, see below.
  const Tasks& learned() const { return learned_; }
  const Tasks& at_chance() const { return at_chance_; }

 private:
  bool is_at_chance(const spec::TaskEntry& task, const std::vector<CellData>& cells) const;

  const spec::Spec& spec_;
  std::map<std::pair<const spec::TaskEntry*, const spec::Method*>, BySeed> scores_;
  Tasks tasks_, learned_, at_chance_;
};

// The best score x 100 that saying the same of every row has, and what a score must exceed to be
// above chance: two standard errors more, by the number of rows (of an accuracy at one half, of a
// correlation at zero). A task is at chance when no method's mean over seeds exceeds it.
struct Chance {
  double score = 0.0, bound = 0.0;
};
Chance chance_of(const data::Task& task, std::span<const experiment::Predictions> parts);

}  // namespace runner::report
