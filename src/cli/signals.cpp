#include "cli/signals.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <thread>

#include "cli/streams.hpp"
#include "cli/verbs.hpp"

extern char** environ;

namespace runner::cli {
namespace {

std::atomic<int> first_signal = 0;
std::atomic<int> warn_fd = -1;  // a byte written there requeues this task

enum class Requeue { none, under_way, done, failed };
std::atomic<Requeue> requeue = Requeue::none;

extern "C" void on_signal(int number) {
  const int before = errno;
  int none = 0;
  if (!first_signal.compare_exchange_strong(none, number) && number == SIGINT) ::_exit(kKeyboard);
  Requeue not_yet = Requeue::none;  // the thread that answers does so once
  if (number == SIGUSR1 && warn_fd >= 0 &&
      requeue.compare_exchange_strong(not_yet, Requeue::under_way)) {
    if (::write(warn_fd, "", 1) != 1) requeue = Requeue::failed;
  }
  errno = before;
}

void handle_signals(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGTERM, SIGINT, SIGUSR1, SIGHUP}) {
    struct sigaction old {};
    ::sigaction(number, nullptr, &old);
    if (number == SIGHUP && old.sa_handler == SIG_IGN) continue;  // as under nohup
    ::sigaction(number, &action, nullptr);
  }
}

// Array tasks are named ARRAYID_TASKID: the bare array id would restart every task.
std::string slurm_task() {
  const char* array = std::getenv("SLURM_ARRAY_JOB_ID");
  const char* task = std::getenv("SLURM_ARRAY_TASK_ID");
  if (array != nullptr && task != nullptr) return fmt::format("{}_{}", array, task);
  const char* job = std::getenv("SLURM_JOB_ID");
  return job != nullptr ? job : "";
}

bool run_scontrol(std::string task) {
  std::string program = "scontrol", verb = "requeue";
  char* arguments[] = {program.data(), verb.data(), task.data(), nullptr};
  pid_t child = 0;
  if (::posix_spawnp(&child, program.c_str(), nullptr, nullptr, arguments, environ) != 0) {
    return false;
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status == 0;
}

// A thread that waits for the warning: a handler cannot start a program, and the thread that runs
// the experiment may be in the middle of something long. Lives as long as the process.
void watch_for_warning(const std::string& task) {
  int ends[2] = {};
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  std::thread([from = ends[0], task] {
    char byte = 0;
    while (::read(from, &byte, 1) < 0 && errno == EINTR) {
    }
    requeue = run_scontrol(task) ? Requeue::done : Requeue::failed;
    requeue.notify_all();
  }).detach();
  warn_fd = ends[1];
}

}  // namespace

void install_signal_handlers() {
  static const bool watched = [] {
    const std::string task = slurm_task();
    if (!task.empty()) watch_for_warning(task);
    return true;
  }();
  static_cast<void>(watched);
  handle_signals(on_signal);
}

void remove_signal_handlers() { handle_signals(SIG_DFL); }

bool stop_requested() { return first_signal.load(std::memory_order_relaxed) != 0; }

int exit_code_after_stop() {
  requeue.wait(Requeue::under_way);
  const std::string task = slurm_task();
  const bool unheard = first_signal == SIGUSR1 && requeue == Requeue::none && !task.empty();
  if (requeue == Requeue::failed || unheard) {
    print_error(
        "could not requeue this task ('scontrol requeue {}' failed); submit it again to go "
        "on\n",
        task);
  }
  return first_signal == SIGINT ? kKeyboard : kInterrupted;
}

}  // namespace runner::cli
