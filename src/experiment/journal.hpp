#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "experiment/record.hpp"

namespace runner::experiment {

// Whose journal a file is; its first line.
struct JournalOwner {
  std::string task, method;
  std::uint64_t seed = 0;
  bool operator==(const JournalOwner&) const = default;
};

// What a cell has done so far.
struct History {
  std::vector<TrialRecord> trials;  // finished, in order
  std::vector<InnerRecord> inner;   // of all trials in order, the one in progress included
  std::string damage;               // "FILE:LINE: ..." where the file is damaged, or goes on with
                                    // another trial than the next; else empty
  // The part of `inner` that belongs to the trial with this index.
  std::vector<InnerRecord> inner_of(int trial) const;
  // Leaves the first `count` trials.
  void cut(int count);
};

// Reads a journal without touching it, up to the first line that is damaged. Throws InputError
// (file:line) when a line is whole and not what this cell writes there. A last line without its
// line break is what a killed writer leaves: it is not read. A missing file is an empty history.
History read_journal(const std::filesystem::path& path, const JournalOwner& owner);

// The append-only file of one cell; its only writer is the holder of the cell's lease. Each line is
// an io::checked_line of {"cell"|"inner"|"trial":{...}}.
class Journal {
 public:
  // Opens or creates the file, reads it (as read_journal) and cuts off what it did not read.
  Journal(std::filesystem::path path, const JournalOwner& owner);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  const History& history() const { return history_; }
  // On disk (fsync), under the file's name, when they return. Throw WriteError naming the file and
  // the reason.
  void append(InnerRecord record);
  void append(TrialRecord record);
  // Drops the given trial and all after it, with their inner records, atomically.
  void rewind(int trial);

 private:
  void open();
  void write(std::string_view line);

  std::filesystem::path path_;
  JournalOwner owner_;
  History history_;
  int fd_ = -1;
};

}  // namespace runner::experiment
