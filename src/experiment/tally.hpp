#pragma once

#include <functional>
#include <span>

#include "experiment/run.hpp"

namespace runner::experiment {

// What is done of a call's cells, and the telling of it. One thread at a time.
class Tally {
 public:
  // A cell's part in it.
  struct Share {
    double price = 1.0;  // of a trial
    int expected = 0, trials = 0, failed = 0, pruned = 0;
  };

  explicit Tally(const std::function<void(const Event&)>& on_progress)
      : on_progress_(on_progress) {}

  // Takes a cell's trials in, in place of those that it had before.
  void count(const Cell& cell, Share& share, std::span<const TrialRecord> admitted);
  void count_done(Share& share);
  void report(Event event) const;

  Summary summary{};

 private:
  const std::function<void(const Event&)>& on_progress_;
  double work_ = 0.0, work_done_ = 0.0;  // trials and trials_done by their price
};

}  // namespace runner::experiment
