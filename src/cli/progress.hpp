#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "experiment/run.hpp"

namespace runner::cli {

// Tells a person how far an experiment is: trials and cells done, an estimate of the time left by
// what a trial of each cell costs, the rate, and what was heard of last: cell, trial, step
// of its training or mixes of its inner loop, loss, the cell's best selection score so far. On a
// terminal one line that is kept up to date and never wider than the window, in a log a plain line
// at most every 30 s. Trials without a result are told as they happen, errors and warnings always.
// Uses no colours. From any thread.
class Progress {
 public:
  explicit Progress(bool quiet);
  ~Progress();
  void operator()(const experiment::Event& event);
  void warn(const std::string& text);

 private:
  using Clock = std::chrono::steady_clock;
  struct Cell {
    int mixes = 0;                       // of the inner loop of the trial that it is at
    double begun = 0.0;                  // of that trial's price, what its training has come to
    double best = experiment::kUnknown;  // selection score x 100
  };
  void show(const std::string& line, bool urgent);
  // The time left and the rate; empty where nothing has been done yet.
  std::string left_of(const experiment::Event& event) const;
  // What an event says of the cell that is worked on; empty where it says nothing.
  std::string state_of(const experiment::Event& event);

  std::mutex mutex_;
  bool quiet_, terminal_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point shown_{};  // the last line that was not urgent
  int done_before_ = -1;       // trials that an earlier call had done
  double work_before_ = 0.0;   // and their price
  bool line_open_ = false;
  std::map<std::string, Cell> cells_;
};

}  // namespace runner::cli
