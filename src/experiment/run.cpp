#include "experiment/run.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "experiment/ahead.hpp"
#include "experiment/bilevel.hpp"
#include "experiment/lease.hpp"
#include "experiment/run_folder.hpp"
#include "experiment/status.hpp"
#include "io/error.hpp"
#include "io/file.hpp"

namespace runner::experiment {
namespace {

using Clock = std::chrono::steady_clock;

bool matches(const std::string& only, const std::string& name) {
  if (only.find_first_of("*?[") == std::string::npos) return name.find(only) != std::string::npos;
  return ::fnmatch(only.c_str(), name.c_str(), 0) == 0;
}

// The trials of the cell's donor, if it has one. Throws Busy while another process works on them.
std::vector<TrialRecord> donated_to(const Cell& cell) {
  const std::optional<Cell> donor = donor_of(cell);
  if (!donor) return {};
  History history = read_history(*donor);
  if (!is_complete(*donor, history)) {
    std::string holder;
    if (!Lease::take(cell_folder(*donor) / "owner.json", holder)) throw Busy{holder};
    throw InputError(
        fmt::format("{} is not done, whose trials it takes; run that first", cell_name(*donor)));
  }
  return std::move(history.trials);
}

// One call of run(): the cells, what was done, and the lock around the sinks and the counts.
class Run {
 public:
  Run(const spec::Spec& spec, const RunOptions& options, const RunSinks& sinks)
      : spec_(spec), options_(options), sinks_(sinks) {
    for (const Cell& cell : chosen_cells(spec, options)) {
      cells_.push_back({.cell = cell, .price = options.price ? options.price(cell) : 1.0});
    }
  }

  Summary survey() {
    summary_.cells = static_cast<int>(cells_.size());
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const Cell& cell = cells_[i].cell;
      count(cells_[i], {});
      try {
        const History history = read_history(cell);
        count(cells_[i], history.trials);
        if (is_done(cell, history)) {
          count_done(cells_[i]);
          continue;
        }
      } catch (const InputError&) {
        // Reported when the cell's turn comes.
      }
      pending_.insert(i);
    }
    summary_.trials_before = summary_.trials_done;
    return summary_;
  }

  Summary operator()(Trainer& trainer) {
    survey();
    report({.kind = Event::Kind::begin});
    trainer.wanted = [this] { return foreseen_requests(spec_); };
    {
      const auto work = [&] {
        while (const std::optional<std::size_t> index = take()) {
          const bool done_with = attempt(*index, trainer);
          const std::lock_guard guard(mutex_);
          const Group group = group_of(cells_[*index].cell);
          at_work_.erase(at_work_.find(group));
          cells_[*index].running = false;
          if (!done_with) continue;
          for (const std::size_t other : pending_) {  // what it had may be free now
            if (group_of(cells_[other].cell) == group) cells_[other].not_before = Clock::now();
          }
          changed_.notify_all();
        }
      };
      std::vector<std::jthread> others;
      for (int i = 1; i < options_.workers; ++i) others.emplace_back(work);
      work();
    }
    trainer.wanted = nullptr;
    for (CellState& state : cells_) {
      const std::filesystem::path result = cell_folder(state.cell) / "result.json";
      if (state.done && !std::filesystem::exists(result)) {
        --summary_.cells_done;
        state.error = result.string() + ": was removed while this process was at work";
      }
      if (!state.error.empty()) summary_.errors.push_back(std::move(state.error));
    }
    summary_.interrupted =
        summary_.cells_done < summary_.cells && sinks_.should_stop && sinks_.should_stop();
    return std::move(summary_);
  }

 private:
  struct CellState {
    Cell cell;
    double price = 1.0;
    int expected = 0, trials = 0, failed = 0, pruned = 0;  // that the summary counts
    bool running = false, done = false;
    std::string error{};
    // While another is at the cell or at a run that it needs:
    Clock::time_point not_before{};
    Clock::duration delay{};
    std::string holder{};
  };

  // Cells of one group share training runs.
  using Group = std::pair<const spec::TaskEntry*, std::uint64_t>;
  static Group group_of(const Cell& cell) { return {cell.task, cell.seed}; }

  bool stopping() const { return failed_fast_ || (sinks_.should_stop && sinks_.should_stop()); }

  void report(Event event) {
    if (!sinks_.on_progress) return;
    event.trials_done = summary_.trials_done;
    event.trials = summary_.trials;
    event.cells_done = summary_.cells_done;
    event.cells = summary_.cells;
    event.work_done = work_done_;
    event.work = work_;
    sinks_.on_progress(event);
  }

  static bool is_done(const Cell& cell, const History& history) {
    const auto result = cell_folder(cell) / "result.json";
    return history.damage.empty() && is_complete(cell, history) &&
           std::filesystem::is_regular_file(result) &&
           io::read_file(result) == result_of(cell, history);
  }

  // Takes a cell's trials into the summary, in place of those that it had before.
  void count(CellState& state, std::span<const TrialRecord> admitted) {
    const auto trials = static_cast<int>(admitted.size());
    const auto failed = static_cast<int>(std::ranges::count_if(admitted, &TrialRecord::has_failed));
    const auto pruned = static_cast<int>(std::ranges::count_if(admitted, &TrialRecord::is_pruned));
    const int expected = expected_trials(state.cell, admitted);
    work_ += state.price * (expected - state.expected);
    work_done_ += state.price * (trials - state.trials);
    summary_.trials += expected - std::exchange(state.expected, expected);
    summary_.trials_done += trials - std::exchange(state.trials, trials);
    summary_.failed += failed - std::exchange(state.failed, failed);
    summary_.pruned += pruned - std::exchange(state.pruned, pruned);
  }

  void count_done(CellState& state) {
    state.done = true;
    ++summary_.cells_done;
    work_ += state.price * (state.trials - state.expected);
    summary_.trials += state.trials - std::exchange(state.expected, state.trials);
  }

  // Whether the cell whose trials this one takes is still to be run by this call, or under way.
  bool waits_for_donor(const Cell& cell) const {
    const std::optional<Cell> donor = donor_of(cell);
    if (!donor) return false;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const Cell& other = cells_[i].cell;
      if (group_of(other) == group_of(cell) && other.method == donor->method) {
        return pending_.contains(i) || cells_[i].running;
      }
    }
    return false;
  }

  // The next cell for a worker: the first whose group nobody works on, so that workers rarely wait
  // for one another's training runs; else the first. Those that wait for others come again after a
  // while. Nothing when none is left or the call is to stop.
  std::optional<std::size_t> take() {
    std::unique_lock lock(mutex_);
    while (!stopping() && !pending_.empty()) {
      const Clock::time_point now = Clock::now();
      std::optional<std::size_t> chosen;
      bool free = false;
      for (const std::size_t index : pending_) {
        if (cells_[index].not_before > now || waits_for_donor(cells_[index].cell)) continue;
        const Group group = group_of(cells_[index].cell);
        free = !at_work_.contains(group) && busy_elsewhere_ != group;
        if (!chosen || free) chosen = index;
        if (free) break;
      }
      if (chosen) {
        pending_.erase(*chosen);
        cells_[*chosen].running = true;
        at_work_.insert(group_of(cells_[*chosen].cell));
        return chosen;
      }
      changed_.wait_for(lock, kLook);
    }
    return std::nullopt;
  }

  void put_back(std::size_t index, const std::string& holder) {
    const std::lock_guard guard(mutex_);
    CellState& state = cells_[index];
    state.delay = std::clamp<Clock::duration>(state.delay * 3 / 2, kLook, kLongestDelay);
    state.not_before = Clock::now() + state.delay;
    busy_elsewhere_ = group_of(state.cell);
    pending_.insert(index);
    if (holder.starts_with(this_process()) || std::exchange(state.holder, holder) == holder) return;
    const std::string name = cell_name(state.cell);
    report({.kind = Event::Kind::waiting,
            .cell = name,
            .message = fmt::format("{} waits for {}", name, holder)});
  }

  // One cell, until it is done, fails, or has to wait (false). Nothing that goes wrong in it leaves
  // here.
  bool attempt(std::size_t index, Trainer& trainer) {
    const std::string name = cell_name(cells_[index].cell);
    try {
      run_cell(index, name, trainer);
    } catch (const Busy& busy) {
      put_back(index, busy.holder);
      return false;
    } catch (const std::exception& error) {
      note_error(cells_[index].cell, error.what());
      const bool lost = dynamic_cast<const WriteError*>(&error) != nullptr;
      const std::lock_guard guard(mutex_);
      cells_[index].error =
          fmt::format("{}: {}{}", name, error.what(), lost ? "; nothing more is begun" : "");
      if (options_.fail_fast || lost) failed_fast_ = true;
      report({.kind = Event::Kind::error, .cell = name, .message = cells_[index].error});
    }
    return true;
  }

  void run_cell(std::size_t index, const std::string& name, Trainer& trainer) {
    CellState& state = cells_[index];
    const Cell& cell = state.cell;
    const std::filesystem::path folder = cell_folder(cell);
    refuse_links(run_folder(spec_), folder);
    std::string holder;
    std::optional<Lease> lease = Lease::take(folder / "owner.json", holder);
    if (!lease) throw Busy{holder};
    Journal journal(journal_path(cell), owner_of(cell));
    {
      const std::lock_guard guard(mutex_);
      if (const std::string& damage = journal.history().damage; !damage.empty()) {
        report({.kind = Event::Kind::warning, .cell = name, .message = damage});
      }
    }
    const std::vector<TrialRecord> donated = donated_to(cell);
    // What the spec does not ask for now stays behind it, for when it will again.
    const auto admitted = [&] {
      const std::vector<TrialRecord>& trials = journal.history().trials;
      return std::span(trials).first(admitted_trials(cell, trials, donated));
    };
    if (donor_of(cell)) {
      const std::size_t kept = agreeing_trials(cell, admitted(), donated);
      // Of a trial in progress nothing says which choice of the donor's it is of; a refusion's is
      // always of the same.
      const int next = static_cast<int>(journal.history().trials.size());
      const bool doubtful =
          cell.method->search != spec::Search::refuse && !journal.history().inner_of(next).empty();
      if (kept < admitted().size()) {
        journal.rewind(static_cast<int>(kept));
      } else if (doubtful) {
        journal.rewind(next);
      }
    }
    {
      const std::lock_guard guard(mutex_);
      count(state, admitted());
    }
    const TrialSinks sinks{
        .watch = {.should_stop =
                      [&] {
                        lease->beat();
                        return stopping();
                      },
                  .on_step =
                      [&](const StepRecord& step, std::int64_t steps) {
                        const std::lock_guard guard(mutex_);
                        report({.kind = Event::Kind::step,
                                .cell = name,
                                .step = &step,
                                .steps = steps,
                                .step_of = static_cast<int>(journal.history().trials.size()),
                                .price = state.price});
                      }},
        .on_inner = [&](const InnerRecord& record) {
          journal.append(record);
          const std::lock_guard guard(mutex_);
          report({.kind = Event::Kind::inner, .cell = name, .inner = &record});
        }};
    while (auto proposed = propose_trial(cell, journal.history().trials, donated)) {
      if (sinks.watch.should_stop()) return;
      auto record = take_in(cell, *proposed, journal);
      if (!record) {
        const int trial = proposed->trial;
        record = run_trial(cell, *std::move(proposed), journal.history().inner_of(trial), trainer,
                           sinks, donated);
        if (!record) return;
        if (!is_incumbent(*record, journal.history().trials))
          record->evaluation.predictions.clear();
        journal.append(*record);
      }
      const std::lock_guard guard(mutex_);
      count(state, admitted());
      if (options_.fail_fast && record->has_failed()) failed_fast_ = true;
      report({.kind = Event::Kind::trial, .cell = name, .trial = &*record});
    }
    History history = journal.history();
    history.cut(static_cast<int>(admitted().size()));
    complete(cell, history);
    const std::lock_guard guard(mutex_);
    count_done(state);
    report({.kind = Event::Kind::cell, .cell = name});
  }

  static constexpr std::chrono::milliseconds kLook{100};
  static constexpr std::chrono::seconds kLongestDelay{2};

  const spec::Spec& spec_;
  const RunOptions& options_;
  const RunSinks& sinks_;
  std::vector<CellState> cells_;  // a worker at a cell has its state to itself, but for the counts
  std::atomic<bool> failed_fast_ = false;
  std::mutex mutex_;  // guards the rest, and on_progress
  std::condition_variable changed_;
  std::set<std::size_t> pending_;  // in the order of work
  std::multiset<Group> at_work_;
  std::optional<Group> busy_elsewhere_;  // where another process was met last
  Summary summary_;
  double work_ = 0.0, work_done_ = 0.0;  // trials and trials_done by their price
};

}  // namespace

std::vector<Cell> chosen_cells(const spec::Spec& spec, const RunOptions& options) {
  const auto refuse = [&](const std::string& what) {
    constexpr std::size_t kShown = 20;
    const std::vector<Cell> all = list_cells(spec);
    std::vector<std::string> names;
    for (const Cell& cell : all) {
      if (names.size() < kShown) names.push_back(cell_name(cell));
    }
    throw InputError(fmt::format("{}; the cells are\n  {}{}", what, fmt::join(names, "\n  "),
                                 all.size() > kShown ? "\n  ..." : ""));
  };
  const auto other = [&](const Cell& cell) { return !matches(options.only, cell_name(cell)); };
  if (std::ranges::all_of(list_cells(spec), other)) {  // a share may have none that match
    refuse(fmt::format("--only: no cell matches '{}'", options.only));
  }
  std::vector<Cell> cells = cells_of_shard(spec, options.shard, options.shards);
  std::erase_if(cells, other);
  for (const std::string& name : options.cells) {
    if (std::ranges::find(cells, name, cell_name) == cells.end()) {
      refuse(fmt::format("--cells: there is no cell '{}'", name));
    }
  }
  if (!options.cells.empty()) {
    std::erase_if(cells, [&](const Cell& cell) {
      return std::ranges::find(options.cells, cell_name(cell)) == options.cells.end();
    });
  }
  sort_for_work(cells);
  return cells;
}

Summary survey(const spec::Spec& spec, const RunOptions& options) {
  return Run(spec, options, {}).survey();
}

Summary run(const spec::Spec& spec, Trainer& trainer, const RunOptions& options,
            const RunSinks& sinks) {
  return Run(spec, options, sinks)(trainer);
}

}  // namespace runner::experiment
