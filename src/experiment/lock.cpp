#include "experiment/lock.hpp"

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
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "io/error.hpp"
#include "io/file.hpp"

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

json identity() {
  return {{"host", host_name()},
          {"pid", static_cast<std::int64_t>(::getpid())},
          {"job", variable("SLURM_JOB_ID")},
          {"restart", restart_count()}};
}

// Is the process that left `owner` alive, as far as the file's content tells?
bool lives(const json& owner, bool locks_work) {
  if (owner.value("host", "") == host_name()) {
    // The kernel gave us the lock, so its holder on this host is gone.
    if (locks_work) return false;
    return ::kill(static_cast<pid_t>(owner.value("pid", std::int64_t{0})), 0) == 0 ||
           errno == EPERM;
  }
  const std::string job = owner.value("job", "");
  if (!job.empty() && job == variable("SLURM_JOB_ID") &&
      owner.value("restart", 0) < restart_count()) {
    return false;
  }
  return wall_seconds() - owner.value("alive", std::int64_t{0}) < CellLock::kSilence.count();
}

std::string describe(const json& owner) {
  const std::string job = owner.value("job", "");
  return fmt::format("process {} on {}{}", owner.value("pid", std::int64_t{0}),
                     owner.value("host", "?"), job.empty() ? "" : ", job " + job);
}

// The owner that a file's bytes name; discarded (empty or half written): none.
json parse_owner(const std::string& bytes) { return json::parse(bytes, nullptr, false); }

}  // namespace

std::optional<CellLock> CellLock::take(const fs::path& folder, std::string& holder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw InputError(fmt::format("{}: cannot create: {}", folder.string(), error.message()));
  }
  const fs::path path = folder / "owner.json";
  for (;;) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) fail(path);
    bool locks_work = true;
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) {
        ::close(fd);
        const json owner = parse_owner(io::read_file(path));
        holder = owner.is_object() ? describe(owner) : "another process";
        return std::nullopt;
      }
      if (errno != ENOLCK && errno != ENOTSUP && errno != ENOSYS && errno != EINVAL) {
        ::close(fd);
        fail(path);
      }
      locks_work = false;
    }
    struct stat ours {};
    struct stat named {};
    if (::fstat(fd, &ours) != 0 || ::stat(path.c_str(), &named) != 0 ||
        ours.st_ino != named.st_ino) {
      ::close(fd);  // the last holder removed the file between our open and our lock
      continue;
    }
    const json owner = parse_owner(io::read_file(path));
    if (owner.is_object() && lives(owner, locks_work)) {
      ::close(fd);
      holder = describe(owner);
      return std::nullopt;
    }
    std::optional<CellLock> lock(CellLock(path, fd));
    lock->write();
    return lock;
  }
}

CellLock::CellLock(fs::path path, int fd)
    : path_(std::move(path)), fd_(fd), identity_(identity().dump()) {}

CellLock::CellLock(CellLock&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      identity_(std::move(other.identity_)),
      last_beat_(other.last_beat_) {}

CellLock::~CellLock() {
  if (fd_ < 0) return;
  ::unlink(path_.c_str());
  ::close(fd_);
}

void CellLock::write() {
  json owner = json::parse(identity_);
  owner["alive"] = wall_seconds();
  const std::string bytes = owner.dump() + "\n";
  // One short write in place: the lock belongs to this file, a renamed one would lose it.
  if (::pwrite(fd_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()) ||
      ::ftruncate(fd_, static_cast<off_t>(bytes.size())) != 0) {
    fail(path_);
  }
  last_beat_ = std::chrono::steady_clock::now();
}

void CellLock::beat() {
  if (std::chrono::steady_clock::now() - last_beat_ < kBeat) return;
  std::error_code error;
  json owner = fs::exists(path_, error) ? parse_owner(io::read_file(path_)) : json();
  if (!owner.is_object()) owner = json::object();
  const std::string found = owner.empty() ? "another process" : describe(owner);
  owner.erase("alive");
  if (owner.dump() != identity_) {
    ::close(std::exchange(fd_, -1));  // the file is the other's now
    throw InputError(fmt::format("{}: {} took this cell over", path_.string(), found));
  }
  write();
}

}  // namespace runner::experiment
