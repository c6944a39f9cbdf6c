#include "experiment/lease.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "experiment/holder.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"

namespace runner::experiment {
namespace fs = std::filesystem;

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

namespace {

using json = io::Json;
using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const fs::path& path) {
  throw InputError(fmt::format("{}: cannot lock: {}", path.string(), std::strerror(errno)));
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::int64_t wall_seconds() { return static_cast<std::int64_t>(std::time(nullptr)); }

// Slurm leaves the restart count unset on the first start.
int restart_count() { return std::atoi(variable("SLURM_RESTART_COUNT").c_str()); }

// What the file says.
struct Owner {
  std::string host;
  std::int64_t pid = 0;
  std::string job;
  int restart = 0;
  std::int64_t alive = 0;  // seconds since the epoch
  std::int64_t since = 0;  // likewise; for people, as is the next
  std::string task{};      // of an array, as JOB_TASK

  bool same_process(const Owner& other) const {
    return std::tie(host, pid, job, restart) ==
           std::tie(other.host, other.pid, other.job, other.restart);
  }
};

Owner ourselves() {
  const std::string array = variable("SLURM_ARRAY_JOB_ID");
  return {.host = host_name(),
          .pid = ::getpid(),
          .job = variable("SLURM_JOB_ID"),
          .restart = restart_count(),
          .alive = wall_seconds(),
          .since = wall_seconds(),
          .task = array.empty() ? "" : array + "_" + variable("SLURM_ARRAY_TASK_ID")};
}

// Nothing when the file is gone, empty, half written or damaged.
std::optional<Owner> read_owner(const fs::path& path) {
  try {
    const std::string bytes = io::read_file(path);
    const json value = io::parse_json(bytes, path.string());
    Owner owner{value.at("host"),       value.at("pid"),   value.at("job"),
                value.at("restart"),    value.at("alive"), value.value("since", 0L),
                value.value("task", "")};
    if (owner.pid < 1 || owner.pid > std::numeric_limits<pid_t>::max() || owner.alive < 0 ||
        owner.since < 0) {
      return std::nullopt;
    }
    return owner;
  } catch (const InputError&) {
    return std::nullopt;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

// Seconds since the owner's last sign of life, by this machine's clock. One from the future is of a
// clock that runs otherwise: less than kSilence ahead it counts as just now, beyond as none.
std::int64_t silence(const Owner& owner) {
  const std::int64_t seconds = wall_seconds() - owner.alive;
  return seconds < 0 && -seconds < Lease::kSilence.count() ? 0 : std::abs(seconds);
}

// Whether this process has looked at the owner's words for kWatch without seeing a new sign of
// life. Asked again and again by who waits; what is asked about for the first time is not silent
// yet.
bool silent_while_watched(const fs::path& path, const Owner& owner) {
  struct Seen {
    Owner owner;
    Clock::time_point first;
  };
  static std::mutex mutex;
  static std::map<fs::path, Seen> seen;
  const std::lock_guard guard(mutex);
  const auto now = Clock::now();
  const auto at = seen.try_emplace(path, Seen{owner, now}).first;
  if (!at->second.owner.same_process(owner) || at->second.owner.alive != owner.alive) {
    at->second = {owner, now};
  }
  return now - at->second.first >= Lease::kWatch;
}

// Is the process that left `owner` alive, as far as the file's content tells?
bool lives(const fs::path& path, const Owner& owner, bool locks_work) {
  if (owner.host == host_name()) {
    // The kernel gave us the lock, so its holder on this host is gone.
    if (locks_work) return false;
    return ::kill(static_cast<pid_t>(owner.pid), 0) == 0 || errno == EPERM;
  }
  if (!owner.job.empty() && owner.job == variable("SLURM_JOB_ID") &&
      owner.restart < restart_count()) {
    return false;
  }
  return silence(owner) < Lease::kSilence.count() && !silent_while_watched(path, owner);
}

std::string describe(const std::optional<Owner>& owner) {
  if (!owner) return "another process";
  return fmt::format("process {} on {}{}", owner->pid, owner->host,
                     owner->job.empty() ? "" : ", job " + owner->job);
}

bool is_of(int fd, const fs::path& path) {
  struct stat ours {};
  struct stat named {};
  return ::fstat(fd, &ours) == 0 && ::stat(path.c_str(), &named) == 0 &&
         ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

enum class Locked { yes, no, not_here };  // not_here: this file system has no locks

Locked lock(int fd, const fs::path& path) {
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return Locked::yes;
  if (errno == EWOULDBLOCK) return Locked::no;
  if (errno == ENOLCK || errno == ENOTSUP || errno == ENOSYS || errno == EINVAL) {
    return Locked::not_here;
  }
  const int why = errno;
  ::close(fd);
  errno = why;
  fail(path);
}

// The file's words. Who creates it writes them at once: one without is given kSettle.
std::optional<Owner> read_settled(const fs::path& path) {
  const auto until = Clock::now() + Lease::kSettle;
  for (;;) {
    const std::optional<Owner> owner = read_owner(path);
    std::error_code ignored;
    if (owner || Clock::now() >= until || !fs::exists(path, ignored)) return owner;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

struct Found {
  std::string holder;       // who lives and holds the lease; empty: nobody
  bool locks_work = false;  // on this host
  bool contested = false;   // other hosts may find it free just now, too
};

// Who holds what this open file, with these words, stands for.
Found look_at(int fd, const fs::path& path, const std::optional<Owner>& owner) {
  const Locked locked = lock(fd, path);
  if (locked == Locked::no) return {describe(owner)};
  const bool locks_work = locked == Locked::yes;
  if (owner && lives(path, *owner, locks_work)) {
    return {fmt::format("{} (last sign of life {} s ago; if it is gone, remove {})",
                        describe(owner), silence(*owner), path.string()),
            locks_work};
  }
  return {"", locks_work,
          !owner || owner->host != host_name() || silence(*owner) >= Lease::kWatch.count()};
}

}  // namespace

// What is held, by the holder and by the thread that gives its signs of life.
class Lease::Held {
 public:
  Held(fs::path path, int fd) : path_(std::move(path)), fd_(fd) {}
  Held(const Held&) = delete;
  ~Held() {
    if (fd_ < 0) return;
    if (is_ours()) ::unlink(path_.c_str());
    ::close(fd_);
  }

  bool write() {
    Owner owner = ourselves();
    const std::optional<Owner> before = read_owner(path_);
    if (before && before->same_process(owner)) owner.since = before->since;
    const json value = {{"host", owner.host},       {"pid", owner.pid},     {"job", owner.job},
                        {"restart", owner.restart}, {"alive", owner.alive}, {"since", owner.since},
                        {"task", owner.task}};
    std::string bytes = value.dump();
    // Always as long, so that of two hosts' words one stands whole.
    bytes.resize(std::max(bytes.size(), std::size_t{kBytes - 1}), ' ');
    bytes += '\n';
    last_ = Clock::now();
    // One short write in place: the lock belongs to this file, a renamed one would lose it.
    const bool written =
        ::pwrite(fd_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()) &&
        ::ftruncate(fd_, static_cast<off_t>(bytes.size())) == 0;
    // NFS and its like send it when a descriptor is closed.
    const int copy = ::dup(fd_);
    return (copy < 0 || ::close(copy) == 0) && written;
  }

  // Whether the file is still the one that is open, and nobody else's.
  bool is_ours() const {
    const std::optional<Owner> owner = read_owner(path_);
    return is_of(fd_, path_) && (!owner || owner->same_process(ourselves()));
  }
  bool has_our_words() const {
    const std::optional<Owner> owner = read_owner(path_);
    return is_of(fd_, path_) && owner && owner->same_process(ourselves());
  }

  // Leaves the file to whom it belongs now.
  void lose() {
    holder_ = describe(read_owner(path_));
    ::close(std::exchange(fd_, -1));
  }

  // A sign of life, when the last is older than kBeat; whether the lease is still held.
  bool beat(std::string& holder) {
    const std::lock_guard guard(mutex_);
    if (fd_ >= 0 && Clock::now() - last_ >= kBeat) {
      if (is_ours()) {
        write();  // what a full disk refuses now is tried again at the next beat
      } else {
        lose();
      }
    }
    holder = holder_;
    return fd_ >= 0;
  }

 private:
  static constexpr std::size_t kBytes = 512;

  const fs::path path_;
  std::mutex mutex_;
  int fd_;  // -1: lost
  Clock::time_point last_{};
  std::string holder_;  // who has it when it is lost
};

// The thread that gives signs of life for all leases of this process, however long a step takes.
class Pulse {
 public:
  static Pulse& of_process() {
    static Pulse pulse;
    return pulse;
  }

  void add(const std::shared_ptr<Lease::Held>& held) {
    const std::lock_guard guard(mutex_);
    std::erase_if(held_, [](const auto& other) { return other.expired(); });
    held_.push_back(held);
  }

 private:
  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, stop, Lease::kBeat / 2, [] { return false; }) &&
           !stop.stop_requested()) {
      const std::vector<std::weak_ptr<Lease::Held>> all = held_;
      lock.unlock();
      std::string ignored;
      for (const auto& one : all)
        if (const auto held = one.lock()) held->beat(ignored);
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<std::weak_ptr<Lease::Held>> held_;
  std::jthread thread_{[this](const std::stop_token& stop) { run(stop); }};
};

std::optional<Lease> Lease::take(const fs::path& file, std::string& holder) {
  for (int refused = 0;;) {
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    if (error) {
      throw InputError(
          fmt::format("{}: cannot create: {}", file.parent_path().string(), error.message()));
    }
    const auto began = Clock::now();
    constexpr int kFlags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
    int fd = ::open(file.c_str(), kFlags | O_CREAT | O_EXCL, 0666);
    const bool created = fd >= 0;
    const int why = errno;
    if (!created) fd = ::open(file.c_str(), kFlags);
    if (fd < 0 && errno == ENOENT) {  // the last holder removed file or folder meanwhile
      // Not all file systems say that it is there already: SFTP knows one failure for all.
      if (why == EEXIST || why == ENOENT || ++refused < 3) continue;
      errno = why;
    }
    if (fd < 0) fail(file);
    Found found;
    if (created) {
      const Locked locked = lock(fd, file);
      found = {locked == Locked::no ? describe(std::nullopt) : "", locked == Locked::yes};
    } else {
      found = look_at(fd, file, read_settled(file));
    }
    holder = found.holder;
    if (!holder.empty() || !is_of(fd, file)) {  // or: the last holder removed it before our lock
      ::close(fd);
      if (!holder.empty()) return std::nullopt;
      continue;
    }
    const auto held = std::make_shared<Held>(file, fd);
    if (held->write()) {
      const bool late = Clock::now() - began >= kSettle / 2;
      if (found.contested || late) std::this_thread::sleep_for(kSettle);
      if ((found.contested || late) && !held->has_our_words()) {
        held->lose();
        continue;
      }
    } else if (!found.locks_work) {
      fail(file);
    }  // a lock holds without the words, which a full disk may refuse
    Pulse::of_process().add(held);
    return Lease(held);
  }
}

Lease::~Lease() = default;

void Lease::beat() {
  std::string holder;
  if (held_ && !held_->beat(holder)) throw Busy{holder};
}

std::string this_process() { return describe(ourselves()); }

std::string lease_holder(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return "";
  const Found found = look_at(fd, file, read_owner(file));
  ::close(fd);
  return found.holder;
}

std::optional<Holder> holder_of_lease(const fs::path& file) {
  if (lease_holder(file).empty()) return std::nullopt;
  const std::optional<Owner> owner = read_owner(file);
  if (!owner) return std::nullopt;
  return Holder{owner->host, owner->pid, owner->task.empty() ? owner->job : owner->task,
                owner->since, owner->alive};
}

}  // namespace runner::experiment
