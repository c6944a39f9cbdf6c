#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "experiment/run.hpp"

namespace runner::cli {

// Tells a person how far an experiment is: trials and cells done, an estimate of the time left, the
// rate, and what was heard of last: cell, trial, mixes of its inner loop, loss, the cell's best
// selection score so far. On a terminal one line that is kept up to date and never wider than the
// window, in a log a plain line at most every 30 s. Trials without a result are told as they
// happen, errors and warnings always. Uses no colours. From any thread.
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
    double best = experiment::kUnknown;  // selection score x 100
  };
  void show(const std::string& line, bool urgent);
  // What an event says of the cell that is worked on; empty where it says nothing.
  std::string state_of(const experiment::Event& event);

  std::mutex mutex_;
  bool quiet_, terminal_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point shown_{};  // the last plain line
  int done_before_ = -1;       // trials that an earlier call had done
  bool line_open_ = false;
  std::map<std::string, Cell> cells_;
};

}  // namespace runner::cli
