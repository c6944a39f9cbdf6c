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
#include "experiment/status.hpp"
#include "io/error.hpp"

namespace runner::experiment {
namespace {

using Clock = std::chrono::steady_clock;

// One call of run_ahead(): the runs, what was done, and the lock around the sinks and the counts.
class Making {
 public:
  Making(const std::vector<KnownRun>& runs, Trainer& trainer, const RunOptions& options,
         const RunSinks& sinks, Summary before)
      : trainer_(trainer), options_(options), sinks_(sinks), summary_(std::move(before)) {
    for (const KnownRun& run : runs) {
      states_.push_back({.run = &run});
      pending_.push_back(&states_.back());
    }
  }

  Summary operator()() {
    report({.kind = Event::Kind::begin});
    {
      const auto work = [this] {
        while (State* const state = take()) attempt(*state);
      };
      std::vector<std::jthread> others;
      for (int i = 1; i < options_.workers; ++i) others.emplace_back(work);
      work();
    }
    summary_.interrupted =
        summary_.cells_done < summary_.cells && sinks_.should_stop && sinks_.should_stop();
    for (State& state : states_) {
      if (!state.error.empty()) summary_.errors.push_back(std::move(state.error));
    }
    return std::move(summary_);
  }

 private:
  struct State {
    const KnownRun* run = nullptr;
    Clock::time_point not_before{};  // while another is at it
    std::set<int> counted{};         // of its trials, by their place
    std::string holder{}, error{};
  };

  bool stopping() const { return failed_fast_ || (sinks_.should_stop && sinks_.should_stop()); }

  void report(Event event) {
    if (!sinks_.on_progress) return;
    event.unit = "training runs";
    event.trials_done = summary_.trials_done;
    event.trials = summary_.trials;
    event.cells_done = summary_.cells_done;
    event.cells = summary_.cells;
    event.work_done = summary_.trials_done;
    event.work = summary_.trials;
    sinks_.on_progress(event);
  }

  // The next run for a worker; null when none is left or the call is to stop.
  State* take() {
    std::unique_lock lock(mutex_);
    while (!stopping() && !pending_.empty()) {
      const auto ready = std::ranges::find_if(
          pending_, [now = Clock::now()](const State* state) { return state->not_before <= now; });
      if (ready != pending_.end()) {
        State* const state = *ready;
        pending_.erase(ready);
        return state;
      }
      changed_.wait_for(lock, kLook);
    }
    return nullptr;
  }

  void attempt(State& state) {
    Event event{.cell = state.run->name};
    bool lost = false;  // whether nothing can be written any more
    try {
      make(state);
      event.kind = Event::Kind::cell;
    } catch (const Stopped&) {
      event.kind = Event::Kind::begin;
    } catch (const Busy& busy) {
      event.kind = Event::Kind::waiting;
      event.message = fmt::format("{} waits for {}", state.run->name, busy.holder);
    } catch (const std::exception& error) {
      note_error(state.run->trials.front().cell, error.what());
      event.kind = Event::Kind::error;
      lost = dynamic_cast<const WriteError*>(&error) != nullptr;
      event.message = fmt::format("{}: {}{}", state.run->name, error.what(),
                                  lost ? "; nothing more is begun" : "");
    }
    const std::lock_guard guard(mutex_);
    if (event.kind == Event::Kind::begin) return;
    if (event.kind == Event::Kind::waiting) {
      state.not_before = Clock::now() + kDelay;
      pending_.push_back(&state);
      if (std::exchange(state.holder, event.message) == event.message) return;
    }
    if (event.kind == Event::Kind::cell) ++summary_.cells_done;
    if (event.kind == Event::Kind::error) {
      state.error = event.message;
      if (options_.fail_fast || lost) failed_fast_ = true;
    }
    report(std::move(event));
  }

  void make(State& state) {
    const Watch watch{.should_stop = [this] { return stopping(); },
                      .on_step =
                          [&](const StepRecord& step, std::int64_t steps) {
                            const std::lock_guard guard(mutex_);
                            report({.kind = Event::Kind::step,
                                    .cell = state.run->name,
                                    .step = &step,
                                    .steps = steps,
                                    .price = 1.0});
                          }};
    // Open until its last trial, so that no other process drops it meanwhile.
    const std::unique_ptr<TrainedRun> run = trainer_.train(state.run->request, watch);
    for (std::size_t i = 0; i < state.run->trials.size(); ++i) {
      const KnownTrial& known = state.run->trials[i];
      const auto made = make_ahead(known, trainer_, {.watch = {.should_stop = watch.should_stop}});
      if (!made) throw Stopped();
      const TrialRecord& record = *made;
      const std::lock_guard guard(mutex_);
      if (!state.counted.insert(static_cast<int>(i)).second) continue;  // before it had to wait
      ++summary_.trials_done;
      if (!record.has_result()) {
        ++summary_.failed;
        if (options_.fail_fast) failed_fast_ = true;
      }
      report({.kind = Event::Kind::trial, .cell = cell_name(known.cell), .trial = &record});
    }
    for (const KnownTrial& known : state.run->trials) settle(known.cell);
  }

  static constexpr std::chrono::milliseconds kLook{100};
  static constexpr std::chrono::seconds kDelay{1};

  Trainer& trainer_;
  const RunOptions& options_;
  const RunSinks& sinks_;
  std::deque<State> states_;
  std::atomic<bool> failed_fast_ = false;
  std::mutex mutex_;  // guards the rest, and on_progress
  std::condition_variable changed_;
  std::deque<State*> pending_;
  Summary summary_;
};

// Of the runs, when `left` is what is left of them.
Summary summary_of(const std::vector<KnownRun>& runs, const std::vector<KnownRun>& left) {
  const auto trials_of = [](const std::vector<KnownRun>& some) {
    std::size_t count = 0;
    for (const KnownRun& run : some) count += run.trials.size();
    return static_cast<int>(count);
  };
  Summary summary;
  summary.cells = static_cast<int>(runs.size());
  summary.trials = trials_of(runs);
  summary.cells_done = summary.cells - static_cast<int>(left.size());
  summary.trials_done = summary.trials_before = summary.trials - trials_of(left);
  return summary;
}

}  // namespace

Summary survey_ahead(const std::vector<KnownRun>& runs) { return summary_of(runs, unmade(runs)); }

Summary run_ahead(const std::vector<KnownRun>& runs, Trainer& trainer, const RunOptions& options,
                  const RunSinks& sinks) {
  const std::vector<KnownRun> left = unmade(runs);
  if (left.empty()) return summary_of(runs, left);
  trainer.wanted = [&spec = *left.front().trials.front().cell.spec] {
    std::vector<RunRequest> requests;
    for (const KnownRun& run : unmade(known_runs(spec))) requests.push_back(run.request);
    return requests;
  };
  Summary summary = Making(left, trainer, options, sinks, summary_of(runs, left))();
  trainer.wanted = nullptr;
  return summary;
}

}  // namespace runner::experiment
