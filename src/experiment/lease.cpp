#include "experiment/lease.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>
#include <tuple>
#include <utility>

#include "experiment/holder.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/nesting.hpp"

namespace runner::experiment {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

[[noreturn]] void fail(const fs::path& path) {
  throw InputError(fmt::format("{}: cannot lock: {}", path.string(), std::strerror(errno)));
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
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
    io::refuse_deep_json(bytes, path.string());
    const json value = json::parse(bytes);
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

// Is the process that left `owner` alive, as far as the file's content tells?
bool lives(const Owner& owner, bool locks_work) {
  if (owner.host == host_name()) {
    // The kernel gave us the lock, so its holder on this host is gone.
    if (locks_work) return false;
    return ::kill(static_cast<pid_t>(owner.pid), 0) == 0 || errno == EPERM;
  }
  if (!owner.job.empty() && owner.job == variable("SLURM_JOB_ID") &&
      owner.restart < restart_count()) {
    return false;
  }
  return silence(owner) < Lease::kSilence.count();
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

// Who holds what this open file stands for; empty when nobody does.
std::string holder_of(int fd, const fs::path& path, bool& locks_work) {
  const Locked locked = lock(fd, path);
  const std::optional<Owner> owner = read_owner(path);
  if (locked == Locked::no) return describe(owner);
  locks_work = locked == Locked::yes;
  if (!owner || !lives(*owner, locks_work)) return "";
  return fmt::format("{} (last sign of life {} s ago; if it is gone, remove {})", describe(owner),
                     silence(*owner), path.string());
}

}  // namespace

std::optional<Lease> Lease::take(const fs::path& file, std::string& holder) {
  for (;;) {
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    if (error) {
      throw InputError(
          fmt::format("{}: cannot create: {}", file.parent_path().string(), error.message()));
    }
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0 && errno == ENOENT) continue;  // the last holder removed the folder meanwhile
    if (fd < 0) fail(file);
    bool locks_work = false;
    holder = holder_of(fd, file, locks_work);
    if (!holder.empty() || !is_of(fd, file)) {  // or: the last holder removed it before our lock
      ::close(fd);
      if (!holder.empty()) return std::nullopt;
      continue;
    }
    std::optional<Lease> lease(Lease(file, fd));
    // A lock holds without the words, which a full disk may refuse.
    if (!lease->write() && !locks_work) fail(file);
    return lease;
  }
}

Lease::Lease(fs::path path, int fd) : path_(std::move(path)), fd_(fd) {}

Lease::Lease(Lease&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      last_beat_(other.last_beat_) {}

Lease::~Lease() {
  if (fd_ < 0) return;
  ::unlink(path_.c_str());
  ::close(fd_);
}

bool Lease::write() {
  Owner owner = ourselves();
  const std::optional<Owner> before = read_owner(path_);
  if (before && before->same_process(owner)) owner.since = before->since;
  const json value = {{"host", owner.host},       {"pid", owner.pid},     {"job", owner.job},
                      {"restart", owner.restart}, {"alive", owner.alive}, {"since", owner.since},
                      {"task", owner.task}};
  const std::string bytes = value.dump() + "\n";
  last_beat_ = std::chrono::steady_clock::now();
  // One short write in place: the lock belongs to this file, a renamed one would lose it.
  return ::pwrite(fd_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()) &&
         ::ftruncate(fd_, static_cast<off_t>(bytes.size())) == 0;
}

void Lease::beat() {
  if (fd_ < 0 || std::chrono::steady_clock::now() - last_beat_ < kBeat) return;
  const std::optional<Owner> owner = read_owner(path_);
  if (!is_of(fd_, path_) || (owner && !owner->same_process(ourselves()))) {
    ::close(std::exchange(fd_, -1));  // the file is the other's now
    throw Busy{describe(owner)};
  }
  write();  // what a full disk refuses now is tried again at the next beat
}

std::string this_process() { return describe(ourselves()); }

std::string lease_holder(const fs::path& file) {
  const int fd = ::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return "";
  bool locks_work = false;
  std::string holder = holder_of(fd, file, locks_work);
  ::close(fd);
  return holder;
}

std::optional<Holder> holder_of_lease(const fs::path& file) {
  if (lease_holder(file).empty()) return std::nullopt;
  const std::optional<Owner> owner = read_owner(file);
  if (!owner) return std::nullopt;
  return Holder{owner->host, owner->pid, owner->task.empty() ? owner->job : owner->task,
                owner->since, owner->alive};
}

}  // namespace runner::experiment
