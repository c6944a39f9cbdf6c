#include "cli/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "cli/streams.hpp"

namespace runner::cli {
namespace {

constexpr std::chrono::seconds kLogEvery{30};

std::string duration(double seconds) {
  const auto whole = static_cast<long>(std::lround(seconds));
  if (whole >= 3600) return fmt::format("{}h{:02}m", whole / 3600, whole / 60 % 60);
  if (whole >= 60) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}s", whole);
}

}  // namespace

Progress::Progress(bool quiet) : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (line_open_) print_error("\n");
}

void Progress::show(const std::string& line, bool urgent) {
  if (terminal_) {
    print_error("\r\033[K{}{}", line, urgent ? "\n" : "");
    line_open_ = !urgent;
    return;
  }
  const auto now = Clock::now();
  if (!urgent && shown_ != Clock::time_point{} && now - shown_ < kLogEvery) return;
  if (!urgent) shown_ = now;
  print_error("{}\n", line);
}

void Progress::warn(const std::string& text) {
  const std::lock_guard guard(mutex_);
  show(text, true);
}

void Progress::operator()(const experiment::Event& event) {
  using Kind = experiment::Event::Kind;
  const std::lock_guard guard(mutex_);
  if (event.kind == Kind::error || event.kind == Kind::warning) {
    show(event.message, true);
    return;
  }
  if (quiet_) return;
  if (event.kind == Kind::waiting) {
    show(event.message, true);
    return;
  }
  if (done_before_ < 0) done_before_ = event.trials_done;
  const int fresh = event.trials_done - done_before_;
  std::string left;
  if (fresh > 0 && event.trials_done < event.trials) {
    const double spent = std::chrono::duration<double>(Clock::now() - start_).count();
    left = fmt::format(", about {} left",
                       duration(spent / fresh * (event.trials - event.trials_done)));
  }
  std::string what;
  if (event.trial != nullptr && event.trial->has_result()) {
    what = fmt::format("  {} trial {}: {:.4f}", event.cell, event.trial->trial + 1,
                       event.trial->evaluation.selection.score);
  } else if (event.trial != nullptr) {
    what =
        fmt::format("  {} trial {}: {}", event.cell, event.trial->trial + 1, event.trial->status);
  }
  show(fmt::format("{} of {} trials, {} of {} cells{}{}", event.trials_done, event.trials,
                   event.cells_done, event.cells, left, what),
       false);
}

}  // namespace runner::cli
