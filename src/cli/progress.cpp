#include "cli/progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <string_view>

#include "cli/streams.hpp"
#include "experiment/status.hpp"

namespace runner::cli {
namespace {

constexpr std::chrono::milliseconds kLogEvery{30000}, kRedrawEvery{100};

// Whether standard error is a terminal that can begin a line anew.
bool is_terminal() {
  const char* const name = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && name != nullptr && std::string_view(name) != "dumb";
}

// As much of a line as the terminal's window, whose width may change at any time, has room for.
std::string fitting(const std::string& line) {
  winsize window{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col < 2) return line;
  std::size_t room = window.ws_col - 1U;  // the last column would begin a new line on some
  for (std::size_t i = 0; i < line.size(); ++i) {
    if ((static_cast<unsigned char>(line[i]) & 0xC0) == 0x80) continue;  // within a code point
    if (room-- == 0) return line.substr(0, i);
  }
  return line;
}

}  // namespace

Progress::Progress(bool quiet) : quiet_(quiet), terminal_(is_terminal()) {}

Progress::~Progress() {
  if (line_open_) print_error("\n");
}

void Progress::show(const std::string& line, bool urgent) {
  const auto now = Clock::now();
  if (!urgent && shown_ != Clock::time_point{} &&
      now - shown_ < (terminal_ ? kRedrawEvery : kLogEvery)) {
    return;
  }
  if (!urgent) shown_ = now;
  if (terminal_) {
    print_error("\r\033[K{}{}", urgent ? line : fitting(line), urgent ? "\n" : "");
    line_open_ = !urgent;
    return;
  }
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
  if (done_before_ < 0) {
    done_before_ = event.trials_done;
    work_before_ = event.work_done;
  }
  if (event.trial != nullptr && event.trial->has_failed()) {
    show(fmt::format("{} trial {}: {}: {}", event.cell, event.trial->trial + 1,
                     train::status_name(event.trial->status), event.trial->why),
         true);
  }
  const std::string state = state_of(event);
  show(fmt::format("{} of {} trials, {} of {} {}{}{}{}", event.trials_done, event.trials,
                   event.cells_done, event.cells, event.unit, left_of(event),
                   state.empty() ? "" : "; ", state),
       false);
}

std::string Progress::left_of(const experiment::Event& event) const {
  double done = event.work_done - work_before_;
  for (const auto& [name, cell] : cells_) done += cell.begun;
  const double left = event.work - work_before_ - done;
  if (!(done > 0.0) || !(left > 0.0)) return "";
  const double spent = std::chrono::duration<double>(Clock::now() - start_).count();
  std::string text = fmt::format(", about {} left", experiment::duration(spent / done * left));
  if (const int fresh = event.trials_done - done_before_; fresh > 0) {
    text += fmt::format(", {:.3g} trials an hour", fresh / spent * 3600.0);
  }
  return text;
}

std::string Progress::state_of(const experiment::Event& event) {
  using Kind = experiment::Event::Kind;
  if (event.kind == Kind::cell) cells_.erase(event.cell);
  if (event.step == nullptr && event.inner == nullptr && event.trial == nullptr) return "";
  Cell& cell = cells_[event.cell];
  std::string text;
  double loss = experiment::kUnknown;
  if (event.step != nullptr) {
    text = fmt::format("{} trial {}, step {}/{}", event.cell, event.step_of + 1, event.step->step,
                       event.steps);
    loss = event.step->loss;
    cell.begun =
        event.price * static_cast<double>(event.step->step) / static_cast<double>(event.steps);
  } else if (event.inner != nullptr) {
    text = fmt::format("{} trial {}, mix {}", event.cell, event.inner->trial + 1, ++cell.mixes);
    loss = event.inner->loss;
  } else {
    text = fmt::format("{} trial {} {}", event.cell, event.trial->trial + 1,
                       event.trial->is_pruned() ? "pruned" : "done");
    loss = event.trial->train_loss;
    cell.mixes = 0;
    cell.begun = 0.0;
    const double score = 100.0 * event.trial->evaluation.selection.score;
    if (event.trial->has_result() && !(score <= cell.best)) cell.best = score;
  }
  if (std::isfinite(loss)) text += fmt::format(", loss {:.4f}", loss);
  if (std::isfinite(cell.best)) text += fmt::format(", best so far {:.2f}", cell.best);
  return text;
}

}  // namespace runner::cli
