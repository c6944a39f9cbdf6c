#include "cli/signals.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

#include "cli/streams.hpp"
#include "cli/verbs.hpp"

namespace runner::cli {
namespace {

std::atomic<int> first_signal = 0;

extern "C" void on_signal(int number) {
  int none = 0;
  if (!first_signal.compare_exchange_strong(none, number) && number == SIGINT) ::_exit(kKeyboard);
}

void handle_signals(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGTERM, SIGINT, SIGUSR1}) ::sigaction(number, &action, nullptr);
}

// Array tasks are named ARRAYID_TASKID: the bare array id would restart every task.
std::string slurm_task() {
  const char* array = std::getenv("SLURM_ARRAY_JOB_ID");
  const char* task = std::getenv("SLURM_ARRAY_TASK_ID");
  if (array != nullptr && task != nullptr) return fmt::format("{}_{}", array, task);
  const char* job = std::getenv("SLURM_JOB_ID");
  return job != nullptr ? job : "";
}

// Slurm's ids are digits and '_'; anything else in the variable is not passed to a shell.
bool is_slurm_id(const std::string& id) {
  return !id.empty() && id.find_first_not_of("0123456789_") == std::string::npos;
}

}  // namespace

void install_signal_handlers() { handle_signals(on_signal); }

void remove_signal_handlers() { handle_signals(SIG_DFL); }

bool stop_requested() { return first_signal.load(std::memory_order_relaxed) != 0; }

int exit_code_after_stop() {
  const int number = first_signal.load();
  if (number == SIGINT) return kKeyboard;
  if (number == SIGUSR1) {
    const std::string task = slurm_task();
    if (is_slurm_id(task)) {
      const std::string command = "scontrol requeue " + task;
      if (std::system(command.c_str()) != 0) {
        print_error("could not requeue this task ('{}' failed); submit it again to go on\n",
                    command);
      }
    }
  }
  return kInterrupted;
}

}  // namespace runner::cli
