#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "experiment/lease.hpp"
#include "spec/spec.hpp"

namespace runner::experiment {

// A run's folder as a whole. What makes it one is its resolved.yaml, which begins with a checksum
// of the rest:
//
//   RUN/ spec.yaml resolved.yaml provenance.json inputs/ cells/ store/ tables/
//        processes/  the lease of every process that works here

// Is there a run in this folder?
bool is_run(const std::filesystem::path& folder);

// Throws InputError when `folder` holds something and is no run, or when a part of a run in it is a
// link: nothing outside is written, or removed, by way of it.
void require_run_folder(const std::filesystem::path& folder);

// Throws InputError when a folder on the way from `run` down to `folder` is a link.
void refuse_links(const std::filesystem::path& run, const std::filesystem::path& folder);

// Writes spec.yaml and resolved.yaml, where they are not so already.
void write_spec(const spec::Spec& spec);

// Throws InputError, saying what differs, when the folder was begun with a spec whose results must
// not mix with this one's. A resolved.yaml that is damaged counts as absent; returns what is wrong
// with it, else an empty text.
std::string refuse_other_spec(const spec::Spec& spec);

// A file of inputs/, TASK_LENGTH.json: of which data and weights the runs of a task at a max_length
// are.
struct ClaimFile {
  std::filesystem::path path;
  std::string task;
  int max_length = 0;
};

// All of a run, sorted, without what a killed process left half written beside them.
std::vector<ClaimFile> claim_files(const std::filesystem::path& run);
// Those whose checksum differs.
std::vector<ClaimFile> damaged_claims(const std::filesystem::path& run);

// That this process works in a folder, for as long as it lives.
class Presence {
 public:
  // Throws InputError when another process is beginning the run anew just now.
  explicit Presence(const std::filesystem::path& run);
  ~Presence();
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;
  // A sign of life, as Lease; false once the folder was removed or its place taken. From any
  // thread.
  bool beat();

 private:
  std::filesystem::path folder_;
  Lease lease_;
};

// Removes a run, but nothing else that someone may have put into its folder. Throws InputError when
// the folder is no run, and, naming the process, when one works in it.
void remove_run(const std::filesystem::path& run);

// Files that killed processes left anywhere in the run, the store's aside: half written ones and
// leases. None while another host is at work, whose locks may not be seen here.
std::vector<std::filesystem::path> abandoned_files(const std::filesystem::path& run);

// Removes one of them, unless a process has come to hold it meanwhile; what cannot be removed
// stays.
void remove_abandoned(const std::filesystem::path& file);

// Throws InputError naming a process that works in the run, if there is one.
void refuse_while_at_work(const std::filesystem::path& run);

}  // namespace runner::experiment
