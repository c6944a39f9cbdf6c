#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "experiment/lease.hpp"
#include "experiment/trainer.hpp"
#include "fusion/trajectory.hpp"

namespace runner::experiment {

// The finished training runs of an experiment under the hash of all that determines them, for many
// processes and threads at once:
//
//   KEY/            a run: run.json (an io::checked_line), its snapshots and their average
//   KEY.owner.json  the lease of who trains it
//   KEY.work/       what that training has done so far (train/progress.hpp)
//   KEY.new/        the run while it is put together; it appears by being renamed
//   KEY.dropped/    empty: the run was there, and was dropped to make room
//
// A run is whole or counts as absent: every file has a checksum, which is read with it.
class Store {
 public:
  // Told a whole sentence, once, about what is damaged and has to be done again; never from two
  // threads at once.
  using Tell = std::function<void(const std::string&)>;
  // Keys of runs that will be asked for again, the next first.
  using Wanted = std::function<std::vector<std::string>()>;

  // Runs are dropped beyond `limit` bytes of snapshots.
  Store(std::filesystem::path folder, std::uintmax_t limit, Tell tell);

  // A run that can be read; while one of its trajectories lives no process drops it.
  struct Run {
    RunRecord record;
    std::shared_ptr<const fusion::Trajectory> trajectory;  // null: the run left no snapshot
    std::shared_ptr<const fusion::Trajectory> average;     // null: none was kept
  };
  // Nothing when it is not there or not whole; what is damaged is told. Throws InputError when the
  // entry is a link.
  std::optional<Run> open(const std::string& key) const;

  // The right to train it; nothing when another process or thread has it, whom `holder` names.
  std::optional<Lease> lease(const std::string& key, std::string& holder) const;
  std::filesystem::path work_folder(const std::string& key) const;
  // Was it dropped to make room, so that it is now trained again?
  bool was_dropped(const std::string& key) const;

  // Before a training whose run takes `run` bytes and whose work folder `work` more: drops runs
  // until the limit holds, first what nobody wants, the longest unused first, then what is wanted
  // last, and never what is open or leased. Throws InputError (folder, need, free) when the disk
  // has no room.
  void make_room(std::uintmax_t run, std::uintmax_t work, const Wanted& wanted) const;

  // Makes a finished training appear, at once and whole, from the files that it left in its work
  // folder: `snapshots` and, unless empty, `average`, by their names there. The work folder goes
  // last, when the run can be read back. Called by the holder of its lease. Throws InputError when
  // something cannot be written; the work folder is then as it was.
  Run keep(const std::string& key, const RunRecord& record,
           const std::vector<std::string>& snapshots, const std::string& average) const;

  // Removes what a training of it left, unless another is at work on it.
  void remove_work(const std::string& key) const;

  // What can go: everything that no run in `wanted` needs and no living process holds.
  struct Leftover {
    std::filesystem::path path;
    std::uintmax_t bytes = 0;
    std::string what;
  };
  std::vector<Leftover> leftovers(const std::vector<std::string>& wanted) const;
  // Removes one of them, unless a process has come to hold it meanwhile.
  void remove(const Leftover& leftover) const;

 private:
  std::filesystem::path path(const std::string& key, const char* suffix = "") const;
  bool drop(const std::string& key) const;
  // The place of each among the wanted. To ask may read every journal, so at most a twentieth of
  // the time goes there: beside very short trainings the answer is a little old.
  std::map<std::string, std::size_t> next_uses(const Wanted& wanted) const;
  void tell(const std::string& text) const;  // once

  std::filesystem::path folder_;
  std::uintmax_t limit_;
  Tell tell_;
  mutable std::mutex told_mutex_;
  mutable std::set<std::string> told_;

  mutable std::mutex wanted_mutex_;
  mutable std::map<std::string, std::size_t> next_uses_;
  mutable std::chrono::steady_clock::time_point answered_;
  mutable std::chrono::steady_clock::duration took_{};  // the answer
};

}  // namespace runner::experiment
