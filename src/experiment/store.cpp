#include "experiment/store.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "experiment/record.hpp"
#include "io/checked.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"

namespace runner::experiment {
namespace fs = std::filesystem;
namespace {

using json = io::Json;

// Raised when run.json or the layout of a run's folder changes; other formats count as absent.
constexpr int kFormat = 2;

constexpr const char* kRecord = "run.json";
constexpr const char* kWork = ".work";
constexpr const char* kNew = ".new";
constexpr const char* kDropped = ".dropped";
constexpr const char* kOwner = ".owner.json";

[[noreturn]] void fail_to_write(const fs::path& path) {
  throw WriteError(fmt::format("{}: cannot write: {}", path.string(), std::strerror(errno)));
}

// A run's record, open and locked: shared by those who read the run, exclusive by who drops it.
class Pin {
 public:
  Pin(const fs::path& run, int how) : fd_(::open((run / kRecord).c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) return;
    while (::flock(fd_, how) != 0) {
      if (errno == EINTR) continue;
      locked_ = errno != EWOULDBLOCK;  // no locks here: the time of use has to do
      works_ = false;
      break;
    }
    struct stat ours {};
    struct stat named {};
    there_ = ::fstat(fd_, &ours) == 0 && ::stat((run / kRecord).c_str(), &named) == 0 &&
             ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
  }
  ~Pin() {
    if (fd_ >= 0) ::close(fd_);
  }
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;

  bool held() const { return fd_ >= 0 && locked_ && there_; }
  bool works() const { return works_; }
  void touch() const { ::futimens(fd_, nullptr); }

 private:
  int fd_;
  bool locked_ = true, works_ = true, there_ = false;
};

// A trajectory and the pin of the run that it belongs to.
struct Pinned {
  std::shared_ptr<const Pin> pin;
  fusion::Trajectory trajectory;
};

std::shared_ptr<const fusion::Trajectory> pinned(const std::shared_ptr<const Pin>& pin,
                                                 const std::vector<fs::path>& files) {
  auto both = std::make_shared<Pinned>(Pinned{pin, fusion::Trajectory(files)});
  return {both, &both->trajectory};
}

std::uintmax_t bytes_in(const fs::path& folder) {
  std::uintmax_t bytes = 0;
  for (const auto& entry : io::list_folder(folder)) bytes += io::size_of(entry.path());
  return bytes;
}

// As a hard link, which costs nothing; as a copy where there are none.
void link_or_copy(const fs::path& from, const fs::path& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return;
  if (errno == ENOENT || errno == ENOSPC || errno == EDQUOT) fail_to_write(to);
  io::AtomicFile file(to);
  file.write(io::MappedFile(from).bytes());
  file.commit();
}

// The run that an entry of the store belongs to: its first 32 letters.
std::string key_of(const fs::path& entry) { return entry.filename().string().substr(0, 32); }

}  // namespace

Store::Store(fs::path folder, std::uintmax_t limit, Tell tell)
    : folder_(std::move(folder)), limit_(limit), tell_(std::move(tell)) {}

void Store::tell(const std::string& text) const {
  const std::lock_guard lock(told_mutex_);
  if (tell_ && told_.insert(text).second) tell_(text);
}

fs::path Store::path(const std::string& key, const char* suffix) const {
  return folder_ / (key + suffix);
}

fs::path Store::work_folder(const std::string& key) const { return path(key, kWork); }

bool Store::was_dropped(const std::string& key) const { return fs::exists(path(key, kDropped)); }

std::optional<Lease> Store::lease(const std::string& key, std::string& holder) const {
  io::refuse_link(work_folder(key));
  return Lease::take(path(key, kOwner), holder);
}

std::optional<Store::Run> Store::open(const std::string& key) const {
  const fs::path run = path(key);
  io::refuse_link(run);
  const auto pin = std::make_shared<const Pin>(run, LOCK_SH);
  if (!pin->held()) return std::nullopt;
  const auto absent = [&](std::string_view why) {
    tell(fmt::format("{}; this run counts as absent and is trained again when it is asked for",
                     why));
    return std::nullopt;
  };
  const fs::path file = run / kRecord;
  const std::string bytes = io::read_file(file);
  const std::string_view text = io::checked_record(bytes);
  if (text.empty()) {
    return absent(
        fmt::format("{}: was changed after it was written (its checksum differs)", file.string()));
  }
  Run result;
  try {
    const json value = io::parse_json(text, file.string());
    if (const int format = value.at("format").get<int>(); format != kFormat) {
      return absent(fmt::format("{}: is of format {}, not {}", file.string(), format, kFormat));
    }
    result.record = value.at("run").get<RunRecord>();
    std::vector<fs::path> snapshots;
    for (const json& name : value.at("snapshots"))
      snapshots.push_back(run / name.get<std::string>());
    if (!snapshots.empty()) result.trajectory = pinned(pin, snapshots);
    const auto average = value.at("average").get<std::string>();
    if (!average.empty()) result.average = pinned(pin, {run / average});
  } catch (const InputError& error) {
    return absent(error.what());
  } catch (const json::exception& error) {
    return absent(fmt::format("{}: {}", file.string(), error.what()));
  }
  pin->touch();      // the time of use, which only guides make_room
  remove_work(key);  // of a process that was killed after the run had appeared
  return result;
}

void Store::remove_work(const std::string& key) const {
  std::error_code ignored;
  if (!fs::exists(path(key, kWork), ignored) && !fs::exists(path(key, kNew), ignored)) return;
  std::string holder;
  try {
    const auto held = lease(key, holder);
    if (!held) return;
    fs::remove_all(path(key, kWork), ignored);
    fs::remove_all(path(key, kNew), ignored);
  } catch (const InputError&) {
    // A folder that cannot be written can be read all the same.
  }
}

bool Store::drop(const std::string& key) const {
  const Pin pin(path(key), LOCK_EX | LOCK_NB);
  if (!pin.held() || !lease_holder(path(key, kOwner)).empty()) return false;
  std::error_code error;
  if (!pin.works()) {
    const auto idle =
        fs::file_time_type::clock::now() - fs::last_write_time(path(key) / kRecord, error);
    if (error || idle < Lease::kSilence) return false;
  }
  fs::remove_all(path(key, kDropped), error);
  fs::rename(path(key), path(key, kDropped), error);
  if (error) return false;
  for (const auto& entry : io::list_folder(path(key, kDropped))) {
    std::error_code ignored;
    fs::remove_all(entry.path(), ignored);
  }
  return true;
}

std::map<std::string, std::size_t> Store::next_uses(const Wanted& wanted) const {
  if (!wanted) return {};
  constexpr int kShare = 20;
  const std::lock_guard lock(wanted_mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now - answered_ < kShare * took_) return next_uses_;
  next_uses_.clear();
  for (const std::string& key : wanted()) next_uses_.emplace(key, next_uses_.size());
  answered_ = std::chrono::steady_clock::now();
  took_ = answered_ - now;
  return next_uses_;
}

void Store::make_room(std::uintmax_t run, std::uintmax_t work, const Wanted& wanted) const {
  struct Candidate {
    std::size_t next_use;  // index among the wanted; larger than any: nobody wants it
    fs::file_time_type used;
    std::uintmax_t bytes;
    std::string key;
  };
  std::error_code ignored;  // other processes change the store meanwhile
  fs::create_directories(folder_, ignored);
  std::vector<Candidate> candidates;
  std::uintmax_t total = run;
  for (const auto& entry : io::list_folder(folder_)) {
    const std::string name = entry.path().filename();
    if (name.ends_with(kDropped)) {  // of a process that was killed while it emptied it
      for (const auto& rest : io::list_folder(entry.path())) {
        fs::remove_all(rest.path(), ignored);
      }
    }
    if (name.find('.') != std::string::npos || entry.is_symlink(ignored)) continue;
    const fs::file_time_type used = fs::last_write_time(entry.path() / kRecord, ignored);
    if (ignored) continue;
    std::uintmax_t bytes = bytes_in(entry.path());
    bytes -= std::min(bytes, io::size_of(entry.path() / kRecord));
    total += bytes;
    if (bytes > 0) candidates.push_back({0, used, bytes, name});
  }
  const auto free_bytes = [&]() -> std::uintmax_t {
    struct statvfs disk {};
    if (::statvfs(folder_.c_str(), &disk) != 0) return run + work;
    return std::uintmax_t{disk.f_bavail} * disk.f_frsize;
  };
  if (total > limit_ || free_bytes() < run + work) {
    const std::map<std::string, std::size_t> next_use = next_uses(wanted);
    for (Candidate& candidate : candidates) {
      const auto found = next_use.find(candidate.key);
      candidate.next_use = found == next_use.end() ? next_use.size() : found->second;
    }
    std::ranges::sort(candidates, [](const Candidate& a, const Candidate& b) {
      return a.next_use != b.next_use ? a.next_use > b.next_use : a.used < b.used;
    });
    for (const Candidate& candidate : candidates) {
      if (total <= limit_ && free_bytes() >= run + work) break;
      if (drop(candidate.key)) total -= candidate.bytes;
    }
  }
  if (const std::uintmax_t free = free_bytes(); free < run + work) {
    const auto size = [](std::uintmax_t bytes) {
      return io::size_text(static_cast<double>(bytes));
    };
    throw WriteError(fmt::format(
        "{}: No space left on device: a training run needs {} of disk ({} for its snapshots, {} "
        "while it trains), "
        "and {} are free; make room, or set runs: to a larger disk",
        folder_.string(), size(run + work), size(run), size(work), size(free)));
  }
}

Store::Run Store::keep(const std::string& key, const RunRecord& record,
                       const std::vector<std::string>& snapshots,
                       const std::string& average) const {
  const fs::path made = path(key, kNew);
  const fs::path work = path(key, kWork);
  std::error_code error;
  fs::remove_all(made, error);
  fs::create_directories(made, error);
  if (error) {
    throw InputError(fmt::format("{}: cannot create: {}", made.string(), error.message()));
  }
  for (const std::string& name : snapshots) link_or_copy(work / name, made / name);
  if (!average.empty()) link_or_copy(work / average, made / average);
  const json value = {
      {"format", kFormat}, {"run", record}, {"snapshots", snapshots}, {"average", average}};
  io::write_file_atomic(made / kRecord, io::checked_line(value.dump()));
  // The first to be renamed wins: elsewhere, without locks, another may have been quicker. What is
  // there and not whole makes way.
  while (::rename(made.c_str(), path(key).c_str()) != 0) {
    if (errno != ENOTEMPTY && errno != EEXIST) fail_to_write(path(key));
    if (auto other = open(key)) return *std::move(other);
    fs::remove_all(path(key), error);
    if (error) {
      throw InputError(fmt::format("{}: cannot remove: {}", path(key).string(), error.message()));
    }
  }
  io::sync_folder(folder_);
  auto run = open(key);
  if (!run) {
    throw InputError(fmt::format("{}: could not be read back", path(key).string()));
  }
  fs::remove_all(work, error);
  fs::remove_all(path(key, kDropped), error);
  return *std::move(run);
}

std::vector<Store::Leftover> Store::leftovers(const std::vector<std::string>& wanted) const {
  const std::set<std::string> needed(wanted.begin(), wanted.end());
  std::vector<Leftover> found;
  std::error_code ignored;
  for (const auto& entry : io::list_folder(folder_)) {
    const std::string name = entry.path().filename();
    const std::string key = key_of(entry.path());
    if (entry.is_symlink(ignored) || !lease_holder(path(key, kOwner)).empty()) continue;
    const bool needed_still = needed.contains(key);
    const bool finished = fs::exists(path(key) / kRecord, ignored);
    std::string what;
    if (name.ends_with(kOwner)) {
      what = "the lease of a process that is gone";
    } else if (name.ends_with(kNew) || (name.ends_with(kWork) && (finished || !needed_still))) {
      what = "what a training left that will not go on";
    } else if (name.ends_with(kDropped) && !needed_still) {
      what = "the mark of a run that was dropped";
    } else if (name == key && !needed_still && bytes_in(entry.path()) > 0) {
      what = "a training run that no cell asks for again";
    } else {
      continue;
    }
    found.push_back(
        {entry.path(),
         entry.is_directory(ignored) ? bytes_in(entry.path()) : io::size_of(entry.path()),
         std::move(what)});
  }
  std::ranges::sort(found, {}, &Leftover::path);
  return found;
}

void Store::remove(const Leftover& leftover) const {
  std::string holder;
  const std::string key = key_of(leftover.path);
  const auto held = lease(key, holder);  // whose file goes with it
  if (!held) return;
  std::error_code ignored;
  if (leftover.path.filename() == key) {
    const Pin pin(leftover.path, LOCK_EX | LOCK_NB);
    if (!pin.held()) return;
    fs::remove_all(leftover.path, ignored);
  } else if (!leftover.path.string().ends_with(kOwner)) {
    fs::remove_all(leftover.path, ignored);
  }
}

}  // namespace runner::experiment
