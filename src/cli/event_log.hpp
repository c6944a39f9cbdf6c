#pragma once

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "experiment/run.hpp"

namespace runner::cli {

// What happens in a call, for other programs to read while it does: a JSON object a line, appended
// to a file that several calls may share, each line by one write (docs/tables.md has the fields).
// Of the steps of a cell's training runs at most one a second. A log that cannot be written ends,
// which is told once, and ends nothing else. From any thread.
class EventLog {
 public:
  // Throws InputError when the file cannot be opened.
  EventLog(const std::filesystem::path& file, std::function<void(const std::string&)> tell);
  void operator()(const experiment::Event& event);

 private:
  using Clock = std::chrono::steady_clock;

  std::filesystem::path file_;
  std::function<void(const std::string&)> tell_;
  std::mutex mutex_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> stream_;
  std::map<std::string, Clock::time_point> stepped_;  // by cell, its last step that was written
};

}  // namespace runner::cli
