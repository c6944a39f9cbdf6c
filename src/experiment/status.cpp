#include "experiment/status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <map>
#include <optional>
#include <vector>

#include "experiment/ahead.hpp"
#include "experiment/holder.hpp"
#include "experiment/lease.hpp"
#include "experiment/run_folder.hpp"
#include "io/error.hpp"
#include "io/file.hpp"

namespace runner::experiment {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kNameWidth = 38, kWhereWidth = 28;

// What is too long loses its middle, whose ends tell most.
std::string fitting(const std::string& text, std::size_t width) {
  if (text.size() <= width) return text;
  const std::size_t head = (width - 2) / 2;
  return text.substr(0, head) + ".." + text.substr(text.size() - (width - 2 - head));
}

std::string place_of(const Holder& holder) {
  return holder.job.empty() ? fmt::format("{}:{}", holder.host, holder.pid)
                            : fmt::format("{} job {}", holder.host, holder.job);
}

// Who holds the leases in a folder.
std::vector<Holder> holders_in(const fs::path& folder, std::string_view ending) {
  std::vector<Holder> holders;
  for (const auto& entry : io::list_folder(folder)) {
    if (!entry.path().filename().string().ends_with(ending)) continue;
    if (auto holder = holder_of_lease(entry.path())) holders.push_back(*std::move(holder));
  }
  return holders;
}

std::optional<std::string> last_error(const Cell& cell) {
  const fs::path file = cell_folder(cell) / "error.txt";
  std::error_code ignored;
  if (!fs::is_regular_file(file, ignored)) return std::nullopt;
  try {
    std::string text = io::read_file(file);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  } catch (const InputError&) {
    return std::nullopt;  // removed meanwhile
  }
}

double seconds_of(const TrialRecord& trial) {
  return amount_of(trial.budget, spec::BudgetUnit::seconds);
}

struct Row {
  std::string name, trials, where, since, rate, left;
  std::string text() const {
    return fmt::format("{:<{}} {:>9} {:<{}} {:>7} {:>7} {:>6}\n", fitting(name, kNameWidth),
                       kNameWidth, trials, fitting(where, kWhereWidth), kWhereWidth, since, rate,
                       left);
  }
};

}  // namespace

std::string duration(double seconds) {
  constexpr long kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
  const long whole = std::lround(std::max(seconds, 0.0));
  if (whole >= 2 * kDay) return fmt::format("{}d", whole / kDay);
  if (whole >= kHour) return fmt::format("{}h{:02}m", whole / kHour, whole / kMinute % 60);
  if (whole >= kMinute) return fmt::format("{}m{:02}s", whole / kMinute, whole % 60);
  return fmt::format("{}s", whole);
}

void note_error(const Cell& cell, std::string_view message) try {
  refuse_links(run_folder(*cell.spec), cell_folder(cell));
  io::write_file_atomic(cell_folder(cell) / "error.txt", fmt::format("{}\n", message));
} catch (const InputError&) {
}

void forget_error(const Cell& cell) {
  std::error_code ignored;
  fs::remove(cell_folder(cell) / "error.txt", ignored);
}

Status status_of(const spec::Spec& spec) {
  const auto now = static_cast<double>(std::time(nullptr));
  Status status;
  status.text = Row{"cell", "trials", "where", "since", "an hour", "left"}.text();
  std::string errors;
  int cells = 0, cells_done = 0, at_work = 0, trials = 0, trials_all = 0;
  double left_in_all = 0.0, seconds = 0.0;
  int left_unknown = 0;  // trials of cells that have none yet
  std::map<fs::path, int> ahead;
  for (const KnownRun& run : known_runs(spec)) {
    for (const KnownTrial& known : run.trials) {
      if (is_made_ahead(known)) ++ahead[cell_folder(known.cell)];
    }
  }
  for (const Cell& cell : list_cells(spec)) {
    Row row;
    row.name = cell_name(cell);
    ++cells;
    History history;
    bool complete = false;
    std::string unreadable;
    try {
      history = read_history(cell);
      complete = is_complete(cell, history);
    } catch (const InputError& error) {
      unreadable = error.what();
      errors += fmt::format("{}: {}\n", row.name, unreadable);
    }
    const auto done = static_cast<int>(history.trials.size());
    const int expected = complete ? done : expected_trials(cell, history.trials);
    const int early = ahead[cell_folder(cell)];
    trials += done + early;
    trials_all += expected;
    row.trials = early > 0 ? fmt::format("{}+{}/{}", done, early, expected)
                           : fmt::format("{}/{}", done, expected);
    double mean = 0.0;
    for (const TrialRecord& trial : history.trials) mean += seconds_of(trial) / done;
    for (const TrialRecord& trial : history.trials) seconds += seconds_of(trial);
    if (mean > 0.0) row.rate = fmt::format("{:.{}f}", 3600.0 / mean, 3600.0 / mean < 100.0 ? 1 : 0);
    const int missing = std::max(expected - done - early, 0);
    if (complete) {
      ++cells_done;
      row.where = "done";
    } else {
      if (mean > 0.0) {
        row.left = duration(mean * missing);
        left_in_all += mean * missing;
      } else {
        left_unknown += missing;
      }
      if (const auto holder = holder_of_lease(cell_folder(cell) / "owner.json")) {
        ++at_work;
        row.where = place_of(*holder);
        row.since = duration(now - static_cast<double>(holder->since));
        const double silent = now - static_cast<double>(holder->alive);
        if (silent > 3.0 * static_cast<double>(Lease::kBeat.count())) {
          row.where = fmt::format("silent {}: {}", duration(silent), row.where);
        }
      }
      if (const auto error = last_error(cell)) {
        if (row.where.empty()) row.where = "stopped by an error";
        if (*error != unreadable) errors += fmt::format("{}: {}\n", row.name, *error);
      }
    }
    status.text += row.text();
  }
  status.text +=
      fmt::format("{} of {} cells done, {} of {} trials", cells_done, cells, trials, trials_all);
  if (trials > 0 && trials < trials_all) {
    const int counted = std::max(trials, 1);
    const double all = left_in_all + left_unknown * seconds / counted;
    if (all > 0.0) {
      status.text +=
          fmt::format("; about {} left{}", duration(all / std::max(at_work, 1)),
                      at_work > 1 ? fmt::format(" if {} cells go on at a time", at_work) : "");
    }
  }
  status.text += "\n";
  const fs::path folder = run_folder(spec);
  for (const Holder& holder : holders_in(folder / "processes", ".json")) {
    status.text += fmt::format("at work: {}, process {}, for {}\n", place_of(holder), holder.pid,
                               duration(now - static_cast<double>(holder.since)));
  }
  for (const Holder& holder : holders_in(folder / "store", ".owner.json")) {
    status.text += fmt::format("trains a run: {}, process {}, for {}\n", place_of(holder),
                               holder.pid, duration(now - static_cast<double>(holder.since)));
  }
  if (!errors.empty()) status.text += "\nwhat went wrong last:\n" + errors;
  status.done = cells_done == cells;
  return status;
}

}  // namespace runner::experiment
