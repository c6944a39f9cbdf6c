#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace runner::experiment {

// Thrown where another thread or process is at what was asked for: ask again later. No
// std::exception: it is no failure.
struct Busy {
  std::string holder;  // who
};

// The right of one holder, a thread of a process, to something that is named by a file: a cell, a
// training run, a run's folder. Held for the life of the object and gone with its process:
// - on one machine, and wherever the file system carries locks between machines, by flock;
// - elsewhere by the file's words: the owner's host, process, Slurm job and last sign of life,
// which
//   a thread of the process gives every kBeat. Such an owner is dead when this process has seen no
//   new sign for kWatch, when the last is kSilence old by the clocks of both hosts, or when this is
//   a later start of its job. An owner that is only paused for so long finds its lease taken over
//   when it goes on.
// Hosts without common locks agree as in Fischer's algorithm (Lamport 1987, "A fast mutual
// exclusion algorithm"): who takes a dead owner's lease writes its words, waits for kSettle and has
// the lease if they still stand. The file system must create a file for one of many (O_EXCL) and
// show each host what another has written and closed, within kSettle.
class Lease {
 public:
  static constexpr std::chrono::seconds kSilence{600};
  static constexpr std::chrono::seconds kWatch{80};
  static constexpr std::chrono::seconds kBeat{20};
  static constexpr std::chrono::milliseconds kSettle{1000};

  // Nothing when a living holder has it; `holder` then says who and, where the file's content alone
  // tells, what to do when that is wrong. Creates the file and its folder. Throws InputError when
  // they cannot be written.
  static std::optional<Lease> take(const std::filesystem::path& file, std::string& holder);

  // Throws Busy when another holder took over. From any thread.
  void beat();

  Lease(Lease&&) noexcept = default;
  Lease& operator=(Lease&&) = delete;
  ~Lease();

 private:
  class Held;
  friend class Pulse;
  explicit Lease(std::shared_ptr<Held> held) : held_(std::move(held)) {}

  std::shared_ptr<Held> held_;  // null: moved from
};

// How holders are named: "process 4711 on node3, job 52".
std::string this_process();

// Who holds the lease of this file; empty when nobody lives who does.
std::string lease_holder(const std::filesystem::path& file);

}  // namespace runner::experiment
