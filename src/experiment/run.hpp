#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "experiment/cells.hpp"
#include "experiment/trainer.hpp"
#include "spec/spec.hpp"

namespace runner::experiment {

struct RunOptions {
  int shard = 0, shards = 1;
  std::vector<std::string> cells{};  // these, by name; none: all
  std::string only{};  // a glob on the cell's name; without *, ? and [ it may stand anywhere in it
  bool fail_fast = false;  // stop all when a trial has failed
  int workers = 1;         // cells at once
  // What a trial of a cell costs, in any unit, for telling how far the call is; empty: all the
  // same.
  std::function<double(const Cell&)> price{};
};

struct Event {
  enum class Kind {
    begin,
    step,  // of a training run
    inner,
    trial,
    cell,
    waiting,
    warning,
    error
  } kind = Kind::begin;
  std::string cell{};                  // its name
  const StepRecord* step = nullptr;    // kind step
  std::int64_t steps = 0;              // kind step: of its run
  int step_of = 0;                     // kind step: the trial, from 0
  const InnerRecord* inner = nullptr;  // kind inner
  const TrialRecord* trial = nullptr;  // kind trial
  std::string message{};               // kinds waiting, warning and error, complete
  // Of this call's cells, what an earlier call or another process did included. Under outer.budget
  // `trials` is an estimate as long as cells are not done (expected_trials).
  int trials_done = 0, trials = 0;
  int cells_done = 0, cells = 0;
  double work_done = 0.0, work = 0.0;  // the trials by RunOptions::price
  double price = 0.0;                  // kind step: of its trial
  std::string_view unit = "cells";     // what counts as a cell
};

struct RunSinks {
  std::function<void(const Event&)> on_progress;  // never from two threads at once
  std::function<bool()> should_stop;              // from any thread
};

struct Summary {
  int cells = 0, cells_done = 0;
  int trials = 0, trials_done = 0;  // as Event's
  int trials_before = 0;            // of trials_done, by earlier calls
  int failed = 0, pruned = 0;       // of trials_done: without a result, or stopped on a rung
  std::vector<std::string> errors;  // "CELL: message", in the order of work
  bool interrupted = false;         // should_stop became true
};

// The cells that the options name, in the order of work. Throws InputError, naming the cells, when
// options.only matches none or options.cells names one that is not there.
std::vector<Cell> chosen_cells(const spec::Spec& spec, const RunOptions& options);

// What is done of the chosen cells. Touches nothing. Throws as chosen_cells.
Summary survey(const spec::Spec& spec, const RunOptions& options);

// Runs the chosen cells, or goes on with them. What a journal holds is not done again. The failure
// of one cell does not stop the others. A cell or a training run that another process is at is
// waited for, while other cells are worked on. Throws as survey.
Summary run(const spec::Spec& spec, Trainer& trainer, const RunOptions& options,
            const RunSinks& sinks);

}  // namespace runner::experiment
