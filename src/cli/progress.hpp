#pragma once

#include <chrono>
#include <mutex>
#include <string>

#include "experiment/run.hpp"

namespace runner::cli {

// Tells a person how far an experiment is: on a terminal one line that is kept up to date with an
// estimate of the time left, in a log a plain line at most every 30 s. Errors and warnings are
// always told. From any thread.
class Progress {
 public:
  explicit Progress(bool quiet);
  ~Progress();
  void operator()(const experiment::Event& event);
  void warn(const std::string& text);

 private:
  using Clock = std::chrono::steady_clock;
  void show(const std::string& line, bool urgent);

  std::mutex mutex_;
  bool quiet_, terminal_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point shown_{};  // the last plain line
  int done_before_ = -1;       // trials that an earlier call had done
  bool line_open_ = false;
};

}  // namespace runner::cli
