#include "cli/streams.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>

#include "cli/verbs.hpp"

namespace runner::cli {
namespace {

int lost = 0;  // errno of the first failure on standard output

void note_loss(bool failed) {
  if (failed && lost == 0) lost = errno != 0 ? errno : EIO;
}

}  // namespace

void prepare_streams() {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a write beyond ulimit -f fails then, and is said
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest free number is this one. What is written to a closed standard output stays lost.
    const bool writable = stream == STDERR_FILENO;
    if (::open("/dev/null", writable ? O_WRONLY : O_RDONLY) == -1) return;
  }
}

void write_out(std::string_view text) {
  errno = 0;
  note_loss(std::fwrite(text.data(), 1, text.size(), stdout) != text.size());
}

bool flush_out() {
  errno = 0;
  note_loss(std::fflush(stdout) != 0);
  return lost == 0;
}

void write_error(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

int finish_streams(int code) {
  errno = 0;
  note_loss(!std::cout.flush());
  note_loss(std::fflush(stdout) != 0 || std::ferror(stdout) != 0);
  if (lost == 0) return code;
  print_error("standard output: {}; what was printed there is not complete\n", std::strerror(lost));
  return code == kDone ? kUsage : code;
}

}  // namespace runner::cli
