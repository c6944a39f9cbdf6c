#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace runner::experiment {

// Thrown where another thread or process is at what was asked for: ask again later. No
// std::exception: it is no failure.
struct Busy {
  std::string holder;  // who
};

// The right of one holder, a thread of a process, to something that is named by a file: a cell, a
// training run, a run's folder. Held for the life of the object and gone with its process:
// - on one machine, and wherever the file system carries locks between machines, by flock;
// - elsewhere by the file's content: the owner's host, process, Slurm job and last sign of life.
//   Such an owner is dead when it is silent for kSilence, or when this is a later start of its job.
//   An owner that is only paused for so long finds its lease taken over when it goes on.
class Lease {
 public:
  static constexpr std::chrono::seconds kSilence{600};
  static constexpr std::chrono::seconds kBeat{20};

  // Nothing when a living holder has it; `holder` then says who and, where the file's content alone
  // tells, what to do when that is wrong. Creates the file and its folder. Throws InputError when
  // they cannot be written.
  static std::optional<Lease> take(const std::filesystem::path& file, std::string& holder);

  // Gives a sign of life if the last is older than kBeat. Throws Busy when another holder took over
  // meanwhile.
  void beat();

  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&&) = delete;
  ~Lease();

 private:
  Lease(std::filesystem::path path, int fd);
  bool write();

  std::filesystem::path path_;
  int fd_ = -1;  // -1: moved from, or lost
  std::chrono::steady_clock::time_point last_beat_{};
};

// How holders are named: "process 4711 on node3, job 52".
std::string this_process();

// Who holds the lease of this file; empty when nobody lives who does.
std::string lease_holder(const std::filesystem::path& file);

}  // namespace runner::experiment
