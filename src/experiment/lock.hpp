#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace runner::experiment {

// Who writes in a cell's folder. Held for the life of the object and gone with its process:
// - on one machine, and wherever the file system carries locks between machines, by flock;
// - elsewhere by the file's content: the owner's host, process, Slurm job and last sign of life.
//   Such an owner is dead when it is silent for kSilence, or when this is a later start of its job.
class CellLock {
 public:
  static constexpr std::chrono::seconds kSilence{600};
  static constexpr std::chrono::seconds kBeat{20};

  // Nothing when a living process holds the folder; `holder` then says which. Creates the folder.
  // Throws InputError when the folder cannot be written.
  static std::optional<CellLock> take(const std::filesystem::path& folder, std::string& holder);

  // Gives a sign of life if the last is older than kBeat. Throws InputError when another process
  // took the folder over meanwhile.
  void beat();

  CellLock(CellLock&& other) noexcept;
  CellLock& operator=(CellLock&&) = delete;
  ~CellLock();

 private:
  CellLock(std::filesystem::path path, int fd);
  void write();

  std::filesystem::path path_;
  int fd_ = -1;  // -1: moved from
  std::string identity_;
  std::chrono::steady_clock::time_point last_beat_{};
};

}  // namespace runner::experiment
