// Loaded before libc (LD_PRELOAD) by the tests that end a process, or fill its disk, at a chosen
// write: the calls that change what lies below a folder are counted, and from one of them on things
// go wrong.
//
//   FAULTS_BELOW=PATTERN  a call counts when its file's path matches (fnmatch)
//   FAULTS_AT=N           which counted call it is, from 1
//   FAULTS_KIND=kill|full kill -9 before it, or no space left from it on
//   FAULTS_LOG=FILE       gets a line "CALL PATH" of each counted call that was made
//   FAULTS_FSYNC_MS=N     every fsync takes that much longer
#include <dlfcn.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

long number(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? 0 : std::atol(text);
}

std::atomic<long> counted = 0;

void log(const char* call, const char* path) {
  const char* file = std::getenv("FAULTS_LOG");
  if (file == nullptr) return;
  static const int fd = next<int(const char*, int, ...)>("open")(
      file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  char line[4600];
  const int size = std::snprintf(line, sizeof line, "%s %s\n", call, path);
  next<ssize_t(int, const void*, size_t)>("write")(fd, line, static_cast<size_t>(size));
}

// True when the call is to fail.
bool strikes(const char* call, const char* path) {
  const char* pattern = std::getenv("FAULTS_BELOW");
  if (pattern == nullptr || ::fnmatch(pattern, path, 0) != 0) return false;
  const long mine = ++counted, at = number("FAULTS_AT");
  if (at > 0 && mine >= at) {
    const char* kind = std::getenv("FAULTS_KIND");
    if (kind != nullptr && std::strcmp(kind, "full") == 0) {
      errno = ENOSPC;
      return true;
    }
    ::kill(::getpid(), SIGKILL);
  }
  log(call, path);
  return false;
}

bool strikes(const char* call, int fd) {
  char link[64], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = ::readlink(link, path, sizeof path - 1);
  if (size < 0) return false;
  path[size] = '\0';
  return strikes(call, path);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  if ((flags & O_CREAT) != 0 && strikes("create", path)) return -1;
  return next<int(const char*, int, ...)>("open")(path, flags, mode);
}

int mkostemp(char* path, int flags) {
  if (strikes("create", path)) return -1;
  return next<int(char*, int)>("mkostemp")(path, flags);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  if (strikes("write", fd)) return -1;
  return next<ssize_t(int, const void*, size_t)>("write")(fd, bytes, size);
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
  if (strikes("pwrite", fd)) return -1;
  return next<ssize_t(int, const void*, size_t, off_t)>("pwrite")(fd, bytes, size, at);
}

int fsync(int fd) {
  if (const long wait = number("FAULTS_FSYNC_MS"); wait > 0) {
    ::usleep(static_cast<useconds_t>(1000 * wait));
  }
  if (strikes("fsync", fd)) return -1;
  return next<int(int)>("fsync")(fd);
}

int rename(const char* from, const char* to) {
  if (strikes("rename", to)) return -1;
  return next<int(const char*, const char*)>("rename")(from, to);
}

int link(const char* from, const char* to) {
  if (strikes("link", to)) return -1;
  return next<int(const char*, const char*)>("link")(from, to);
}

int mkdir(const char* path, mode_t mode) {
  if (strikes("mkdir", path)) return -1;
  return next<int(const char*, mode_t)>("mkdir")(path, mode);
}

int unlink(const char* path) {
  if (strikes("unlink", path)) return -1;
  return next<int(const char*)>("unlink")(path);
}

int unlinkat(int folder, const char* path, int flags) {
  if (strikes("unlinkat", folder)) return -1;
  return next<int(int, const char*, int)>("unlinkat")(folder, path, flags);
}

}  // extern "C"
