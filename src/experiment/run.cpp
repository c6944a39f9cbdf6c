#include "experiment/run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
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
#include "experiment/tally.hpp"
#include "io/error.hpp"
#include "io/file.hpp"

namespace runner::experiment {
namespace {

using Clock = std::chrono::steady_clock;

// The trials of the cell's donor, if it has one. Throws Busy while another process works on them.
std::vector<TrialRecord> donated_to(const Cell& cell) {
  const std::optional<Cell> donor = donor_of(cell);
  if (!donor) return {};
  History history = read_history(*donor);
  if (is_complete(*donor, history)) return std::move(history.trials);
  std::string holder;
  const auto held = Lease::take(cell_folder(*donor) / "owner.json", holder);
  if (!held) throw Busy{holder};
  history = read_history(*donor);  // whoever was at work may have ended just now
  if (is_complete(*donor, history)) return std::move(history.trials);
  throw InputError(
      fmt::format("{} is not done, whose trials it takes; run that first", cell_name(*donor)));
}

// One call of run(): the cells, what was done, and the lock around the sinks and the counts.
class Run {
 public:
  Run(const spec::Spec& spec, const RunOptions& options, const RunSinks& sinks)
      : spec_(spec), options_(options), sinks_(sinks), tally_(sinks.on_progress) {
    for (const Cell& cell : chosen_cells(spec, options)) {
      CellState& state = cells_.emplace_back();
      state.cell = cell;
      if (options.price) state.share.price = options.price(cell);
    }
  }

  Summary survey() {
    tally_.summary.cells = static_cast<int>(cells_.size());
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
    tally_.summary.trials_before = tally_.summary.trials_done;
    return tally_.summary;
  }

  Summary operator()(Trainer& trainer) {
    survey();
    tally_.report({.kind = Event::Kind::begin});
    trainer.wanted = [this] { return foreseen_requests(spec_); };
    {
      const auto work = [&] {
        while (const std::optional<Job> job = take()) {
          if (job->helps) {
            help(cells_[job->index], trainer);
            continue;
          }
          const std::size_t index = job->index;
          const bool done_with = attempt(index, trainer);
          const std::lock_guard guard(mutex_);
          const Group group = group_of(cells_[index].cell);
          at_work_.erase(at_work_.find(group));
          cells_[index].running = false;
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
        --tally_.summary.cells_done;
        state.error = result.string() + ": was removed while this process was at work";
      }
      if (!state.error.empty()) tally_.summary.errors.push_back(std::move(state.error));
    }
    tally_.summary.interrupted = tally_.summary.cells_done < tally_.summary.cells &&
                                 sinks_.should_stop && sinks_.should_stop();
    return std::move(tally_.summary);
  }

 private:
  struct CellState {
    Cell cell;
    Tally::Share share{};
    bool running = false;
    std::atomic<bool> done = false;
    std::string error{};
    // While another is at the cell or at a run that it needs:
    Clock::time_point not_before{};
    Clock::duration delay{};
    std::string holder{};
    // Of a cell that goes side by side: workers at trials ahead of the one in turn, when it is
    // worth looking for more, and what comes after its history.
    int helpers = 0;
    Clock::time_point help_at{};
    Foreseen foreseen{};
  };

  struct Job {
    std::size_t index = 0;
    bool helps = false;  // with one trial of the cell, ahead of its turn
  };

  // Cells of one group share training runs.
  using Group = std::pair<const spec::TaskEntry*, std::uint64_t>;
  static Group group_of(const Cell& cell) { return {cell.task, cell.seed}; }

  bool stopping() const { return failed_fast_ || (sinks_.should_stop && sinks_.should_stop()); }

  void count(CellState& state, std::span<const TrialRecord> admitted) {
    tally_.count(state.cell, state.share, admitted);
    state.help_at = {};
  }

  void count_done(CellState& state) {
    state.done = true;
    tally_.count_done(state.share);
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

  // Is there a trial of a cell, ahead of its turn, for one more worker?
  bool takes_help(std::size_t index) const {
    const CellState& state = cells_[index];
    return goes_side_by_side(state.cell) && !state.done && state.error.empty() &&
           (state.running || pending_.contains(index)) && state.helpers < spec_.outer.parallel;
  }

  // What a worker does next. The first cell whose group nobody works on, so that workers rarely
  // wait for one another's training runs; else the first; else a trial beside the one that another
  // is at. Cells that wait for others come again after a while. Nothing when none is left or the
  // call is to stop.
  std::optional<Job> take() {
    std::unique_lock lock(mutex_);
    while (!stopping()) {
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
        return Job{*chosen};
      }
      bool may_help = false;
      for (std::size_t i = 0; i < cells_.size(); ++i) {
        if (!takes_help(i)) continue;
        may_help = true;
        if (cells_[i].help_at > now) continue;
        ++cells_[i].helpers;
        return Job{i, true};
      }
      if (pending_.empty() && !may_help) break;
      changed_.wait_for(lock, kLook);
    }
    return std::nullopt;
  }

  // Makes one of the cell's next trials ahead of its turn, if one is left for it. What goes wrong
  // is tried again in its turn.
  void help(CellState& state, Trainer& trainer) {
    const std::string name = cell_name(state.cell);
    bool made = false;
    std::string failure;
    try {
      const auto stop = [&] { return stopping() || state.done; };
      made = make_one_ahead(state.cell, state.foreseen, trainer,
                            [&](int trial) { return sinks_of(state, name, trial, stop); });
    } catch (const std::exception& error) {
      failure = error.what();
    }
    const std::lock_guard guard(mutex_);
    --state.helpers;
    state.help_at = made ? Clock::time_point() : Clock::now() + kLongestDelay;
    if (made) state.not_before = {};  // it may have waited for this one
    changed_.notify_all();
    if (failure.empty() || state.done) return;
    state.help_at = Clock::time_point::max();
    tally_.report({.kind = Event::Kind::warning,
                   .cell = name,
                   .message = fmt::format("{}: {}; it is tried again in its turn", name, failure)});
  }

  // Tells of a trial under way.
  TrialSinks sinks_of(CellState& state, const std::string& name, int trial,
                      std::function<bool()> should_stop) {
    return {.watch = {.should_stop = std::move(should_stop),
                      .on_step =
                          [this, &state, &name, trial](const StepRecord& step, std::int64_t steps) {
                            const std::lock_guard guard(mutex_);
                            tally_.report({.kind = Event::Kind::step,
                                           .cell = name,
                                           .step = &step,
                                           .steps = steps,
                                           .step_of = trial,
                                           .price = state.share.price});
                          }},
            .on_inner = [this, &name](const InnerRecord& record) {
              const std::lock_guard guard(mutex_);
              tally_.report({.kind = Event::Kind::inner, .cell = name, .inner = &record});
            }};
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
    tally_.report({.kind = Event::Kind::waiting,
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
      tally_.report({.kind = Event::Kind::error, .cell = name, .message = cells_[index].error});
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
        tally_.report({.kind = Event::Kind::warning, .cell = name, .message = damage});
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
    const auto stop = [&] {
      lease->beat();
      return stopping();
    };
    while (auto proposed = propose_trial(cell, journal.history().trials, donated)) {
      if (stop()) return;
      TrialSinks sinks = sinks_of(state, name, proposed->trial, stop);
      auto record = take_in(cell, *proposed, journal);
      if (!record && goes_side_by_side(cell)) {  // where those who help see that it is under way
        if (!make_ahead({cell, *proposed}, trainer, sinks)) return;
        record = take_in(cell, *proposed, journal);
      }
      if (!record) {
        sinks.on_inner = [&, tell = sinks.on_inner](const InnerRecord& inner) {
          journal.append(inner);
          tell(inner);
        };
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
      tally_.report({.kind = Event::Kind::trial, .cell = name, .trial = &*record});
    }
    History history = journal.history();
    history.cut(static_cast<int>(admitted().size()));
    complete(cell, history);
    const std::lock_guard guard(mutex_);
    count_done(state);
    tally_.report({.kind = Event::Kind::cell, .cell = name});
  }

  static constexpr std::chrono::milliseconds kLook{100};
  static constexpr std::chrono::seconds kLongestDelay{2};

  const spec::Spec& spec_;
  const RunOptions& options_;
  const RunSinks& sinks_;
  std::deque<CellState> cells_;  // a worker at a cell has its state to itself, but for the counts
  std::atomic<bool> failed_fast_ = false;
  std::mutex mutex_;  // guards the rest, and on_progress
  std::condition_variable changed_;
  std::set<std::size_t> pending_;  // in the order of work
  std::multiset<Group> at_work_;
  std::optional<Group> busy_elsewhere_;  // where another process was met last
  Tally tally_;
};

}  // namespace

Summary survey(const spec::Spec& spec, const RunOptions& options) {
  return Run(spec, options, {}).survey();
}

Summary run(const spec::Spec& spec, Trainer& trainer, const RunOptions& options,
            const RunSinks& sinks) {
  return Run(spec, options, sinks)(trainer);
}

}  // namespace runner::experiment
