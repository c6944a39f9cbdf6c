#include "io/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "io/error.hpp"

namespace runner::io {
namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const fs::path& path, std::string_view what) {
  throw InputError(fmt::format("{}: {}: {}", path.string(), what, std::strerror(errno)));
}

[[noreturn]] void fail_to_write(const fs::path& path) {
  throw WriteError(fmt::format("{}: cannot write: {}", path.string(), std::strerror(errno)));
}

// What a new file may allow whom, by the process's umask: asked before any thread could make one.
const mode_t kMode = [] {
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return mode_t{0666} & ~mask;
}();

// A file descriptor that closes itself.
struct Descriptor {
  int fd;
  explicit Descriptor(int value) : fd(value) {}
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
};

// What a temporary file's name has after that of the file it becomes: this and six letters.
constexpr std::string_view kUnfinished = ".tmp-";
constexpr std::string_view kLetters = "XXXXXX";

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

}  // namespace

void sync_folder(const fs::path& folder) {
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.fd >= 0) ::fsync(descriptor.fd);
}

std::string read_file(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd < 0) fail(path, "cannot read");
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) fail(path, "cannot read");
  if (S_ISDIR(info.st_mode)) throw InputError(path.string() + ": is a folder, not a file");
  std::string bytes;
  bytes.resize(static_cast<std::size_t>(info.st_size));
  std::size_t have = 0;
  for (;;) {
    if (have == bytes.size()) bytes.resize(have + 65536);  // grows for pipes and /proc
    const ssize_t got = ::read(file.fd, bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path, "cannot read");
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

void refuse_link(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_symlink(path, ignored)) return;
  throw InputError(fmt::format("{}: is a link; remove it", path.string()));
}

AtomicFile::AtomicFile(const fs::path& path)
    : path_(path), temporary_(fmt::format("{}{}{}", path.string(), kUnfinished, kLetters)) {
  const fs::path folder = folder_of(path);
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw WriteError(fmt::format("{}: cannot create: {}", folder.string(), error.message()));
  fd_ = ::mkostemp(temporary_.data(), O_CLOEXEC);
  if (fd_ < 0) fail_to_write(path_);
  ::fchmod(fd_, kMode);
  ::flock(fd_, LOCK_EX | LOCK_NB);  // says that the writer lives, where files can be locked
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd_, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) fail_to_write(path_);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

void AtomicFile::commit() {
  if (::fsync(fd_) != 0) fail_to_write(path_);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_to_write(path_);
  ::close(fd_);
  fd_ = -1;
  sync_folder(folder_of(path_));
}

void write_file_atomic(const fs::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void write_file_if_changed(const fs::path& path, std::string_view bytes) {
  std::error_code error;
  if (fs::is_regular_file(path, error) && read_file(path) == bytes) return;
  write_file_atomic(path, bytes);
}

std::vector<fs::directory_entry> list_folder(const fs::path& folder) {
  std::vector<fs::directory_entry> entries;
  std::error_code error;
  for (fs::directory_iterator at(folder, error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    entries.push_back(*at);
  }
  if (error && error != std::errc::no_such_file_or_directory &&
      error != std::errc::not_a_directory) {
    throw InputError(fmt::format("{}: cannot list: {}", folder.string(), error.message()));
  }
  return entries;
}

std::vector<fs::path> abandoned_files(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code ignored;  // others may remove files meanwhile
  for (const auto& entry : list_folder(folder)) {
    const std::string name = entry.path().filename();
    const std::size_t tail = kUnfinished.size() + kLetters.size();
    if (name.size() <= tail || !entry.is_regular_file(ignored) ||
        name.substr(name.size() - tail, kUnfinished.size()) != kUnfinished) {
      continue;
    }
    const Descriptor file(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
    if (file.fd < 0) continue;
    if (::flock(file.fd, LOCK_EX | LOCK_NB) != 0) {
      constexpr std::chrono::hours kDay{24};
      const auto age = fs::file_time_type::clock::now() - entry.last_write_time(ignored);
      if (errno == EWOULDBLOCK || ignored || age < kDay) continue;
    }
    found.push_back(entry.path());
  }
  return found;
}

std::uintmax_t size_of(const fs::path& file) {
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(file, error);
  return error ? 0 : bytes;
}

std::string size_text(double bytes) {
  constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB"};
  constexpr double kRoundsUp = 999.5;  // to four digits
  std::size_t unit = 0;
  for (; bytes >= kRoundsUp && unit + 1 < kUnits.size(); ++unit) bytes /= 1000.0;
  return fmt::format(
      "{} {}", bytes >= kRoundsUp ? fmt::format("{:.0f}", bytes) : fmt::format("{:.3g}", bytes),
      kUnits[unit]);
}

std::string content_hash(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

MappedFile::MappedFile(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd < 0) fail(path, "cannot read");
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) fail(path, "cannot read");
  if (S_ISDIR(info.st_mode)) throw InputError(path.string() + ": is a folder, not a file");
  size_ = static_cast<std::size_t>(info.st_size);
  if (size_ == 0) return;  // mmap refuses an empty range
  void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (mapped == MAP_FAILED) fail(path, "cannot map");
  data_ = static_cast<const char*>(mapped);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<char*>(data_), size_);
}

}  // namespace runner::io
