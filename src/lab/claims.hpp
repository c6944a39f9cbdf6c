#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "experiment/run_folder.hpp"
#include "lab/run_key.hpp"

namespace runner::lab {

// What a run's tasks and model held when it was begun, a file for each task and length of rows:
// results of other data or weights must not come to lie among them.
class Claims {
 public:
  // `tell` hears of a file that is damaged and counts as absent.
  Claims(std::filesystem::path run, std::function<void(const std::string&)> tell)
      : run_(std::move(run)), tell_(std::move(tell)) {}

  // Nothing when no process has claimed them yet.
  std::optional<Inputs> read(const std::string& task, int max_length) const;
  // Throws InputError when other inputs are claimed.
  void claim(const std::string& task, int max_length, const Inputs& now) const;

  // What of them was changed after it was written.
  std::vector<experiment::ClaimFile> damaged() const { return experiment::damaged_claims(run_); }

 private:
  std::filesystem::path path(const std::string& task, int max_length) const;

  std::filesystem::path run_;
  std::function<void(const std::string&)> tell_;
};

}  // namespace runner::lab
