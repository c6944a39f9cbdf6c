#pragma once

#include <limits>
#include <string>
#include <vector>

#include "report/compare.hpp"

namespace runner::report {

// One line of methods.csv. NaN: not to be had.
struct Entry {
  static constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  std::string task, metric;  // an average's name and what it is of
  int seeds = 0;             // complete cells with a result
  double mean = kUnknown, stddev = kUnknown, selection = kUnknown;
  // Trials; the diverged are among the failed, the pruned are not.
  int failed = 0, diverged = 0, collapsed = 0, pruned = 0;
  Estimate difference;  // to the baseline
  int pairs = 0;
  const Comparison* comparison = nullptr;  // of an average over all tasks, in the family
  double trials = 0.0, modelled = 0.0, examples = 0.0, flops = 0.0;  // mean per cell
};

// The metrics of a task in one word: "f1+accuracy".
std::string metrics_of(const data::Task& task);

// A method's entries, from an experiment that must outlive it.
class Entries {
 public:
  explicit Entries(const Comparing& all);

  // One for each task, for the average over all of them, and for that over those above chance.
  std::vector<Entry> of(const spec::Method& method) const;

  static bool shows_learned(const Scores& scores);
  static std::string learned_name(const Scores& scores);

 private:
  // A mean only when every task has one, a spread over seeds that every task has.
  Entry average(const spec::Method& method, const Tasks& tasks, std::string name) const;
  // What the tasks' cells spent, and how they compare with the baseline's.
  Entry budget_of(const spec::Method& method, const Tasks& tasks) const;

  const Comparing& all_;
  const spec::Method* baseline_;
};

}  // namespace runner::report
