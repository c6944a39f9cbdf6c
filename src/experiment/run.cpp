#include "experiment/run.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <exception>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "experiment/lock.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "spec/variables.hpp"

namespace runner::experiment {
namespace fs = std::filesystem;
namespace {

// A folder's name from a task's or method's: "bilevel(ei,ucb)" becomes "bilevel_ei_ucb".
std::string folder_name(std::string_view name) {
  std::string folder;
  for (const char c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.';
    folder += plain ? c : '_';
  }
  while (folder.size() > 1 && folder.back() == '_') folder.pop_back();
  return folder;
}

JournalOwner owner_of(const Cell& cell) {
  return {cell.task->task.name, cell.method->name, cell.seed};
}

fs::path journal_path(const Cell& cell) { return cell_folder(cell) / "journal.jsonl"; }

bool matches(const std::string& only, const std::string& name) {
  if (only.find_first_of("*?[") == std::string::npos) return name.find(only) != std::string::npos;
  return ::fnmatch(only.c_str(), name.c_str(), 0) == 0;
}

bool may_succeed_again(const TrialRecord& trial) {
  return trial.status == "failed" || trial.status == "out_of_memory";
}

// What a person or a script wants of a finished cell without reading its journal.
void write_result(const Cell& cell, const History& history) {
  nlohmann::json result = {{"task", cell.task->task.name},
                           {"method", cell.method->name},
                           {"seed", cell.seed},
                           {"trials", history.trials.size()},
                           {"chosen", nullptr}};
  const int best = best_trial(history.trials);
  if (best >= 0) {
    const TrialRecord& chosen = history.trials[static_cast<std::size_t>(best)];
    result["chosen"] = chosen;
    for (const char* bulky : {"curve", "proposal", "predictions"}) result["chosen"].erase(bulky);
    nlohmann::json lambda = nlohmann::json::object();  // as a spec would say it
    const std::vector<bool> exists = existing(cell, chosen);
    for (std::size_t i = 0; i < chosen.lambda.size(); ++i) {
      if (!exists[i]) continue;
      const bo::Variable& searched = cell.spec->search[i];
      lambda[searched.name] = spec::written(searched, chosen.lambda[i].second);
    }
    result["chosen"]["lambda"] = std::move(lambda);
  }
  io::write_file_atomic(cell_folder(cell) / "result.json", result.dump(2) + "\n");
}

// One call of run(): the cells, what was done, and the lock around the sinks and the counts.
class Run {
 public:
  Run(std::vector<Cell> cells, Trainer& trainer, const RunOptions& options, const RunSinks& sinks)
      : cells_(std::move(cells)),
        errors_(cells_.size()),
        busy_(cells_.size()),
        trainer_(trainer),
        options_(options),
        sinks_(sinks) {}

  Summary operator()() {
    count_what_is_done();
    report({.kind = Event::Kind::begin});
    const auto work = [this] {
      while (!stopping()) {
        const std::optional<std::size_t> index = take();
        if (!index) return;
        attempt(*index);
        const std::lock_guard guard(mutex_);
        at_work_.erase(at_work_.find(group_of(cells_[*index])));
      }
    };
    {
      std::vector<std::jthread> others;
      for (int i = 1; i < options_.workers; ++i) others.emplace_back(work);
      work();
    }
    summary_.interrupted =
        summary_.cells_done < summary_.cells && sinks_.should_stop && sinks_.should_stop();
    for (std::string& error : errors_) {
      if (!error.empty()) summary_.errors.push_back(std::move(error));
    }
    for (std::string& busy : busy_) {
      if (!busy.empty()) summary_.busy.push_back(std::move(busy));
    }
    return std::move(summary_);
  }

 private:
  bool stopping() const { return failed_fast_ || (sinks_.should_stop && sinks_.should_stop()); }

  void report(Event event) {
    if (!sinks_.on_progress) return;
    event.trials_done = summary_.trials_done;
    event.trials = summary_.trials;
    event.cells_done = summary_.cells_done;
    event.cells = summary_.cells;
    sinks_.on_progress(event);
  }

  bool to_repeat(const TrialRecord& trial) const {
    return options_.rerun_failed && may_succeed_again(trial);
  }

  // Trials of a history that stay: those before the first that is to be repeated.
  std::size_t kept(const History& history) const {
    const auto first = std::ranges::find_if(
        history.trials, [this](const TrialRecord& trial) { return to_repeat(trial); });
    return static_cast<std::size_t>(first - history.trials.begin());
  }

  bool is_done(const Cell& cell, const History& history) const {
    return kept(history) == history.trials.size() &&
           static_cast<int>(history.trials.size()) >= planned_trials(cell) &&
           fs::exists(cell_folder(cell) / "result.json");
  }

  void count_what_is_done() {
    summary_.cells = static_cast<int>(cells_.size());
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      summary_.trials += planned_trials(cells_[i]);
      bool done = false;
      try {
        const History history = read_history(cells_[i]);
        const std::size_t trials = kept(history);
        summary_.trials_before += static_cast<int>(trials);
        summary_.failed += static_cast<int>(std::count_if(
            history.trials.begin(), history.trials.begin() + static_cast<std::ptrdiff_t>(trials),
            may_succeed_again));
        done = is_done(cells_[i], history);
      } catch (const InputError&) {
        // Reported when the cell's turn comes.
      }
      if (done) {
        ++summary_.cells_done;
      } else {
        pending_.push_back(i);
      }
    }
    summary_.trials_done = summary_.trials_before;
  }

  // Cells of one group share training runs.
  using Group = std::pair<const spec::TaskEntry*, std::uint64_t>;
  static Group group_of(const Cell& cell) { return {cell.task, cell.seed}; }

  // The next cell for a worker: the first whose group nobody works on, so that workers rarely wait
  // for one another's training runs; else the first. Nothing when all are taken.
  std::optional<std::size_t> take() {
    const std::lock_guard guard(mutex_);
    if (pending_.empty()) return std::nullopt;
    auto chosen = std::ranges::find_if(pending_, [this](std::size_t index) {
      return !at_work_.contains(group_of(cells_[index]));
    });
    if (chosen == pending_.end()) chosen = pending_.begin();
    const std::size_t index = *chosen;
    pending_.erase(chosen);
    at_work_.insert(group_of(cells_[index]));
    return index;
  }

  // One cell; nothing that goes wrong in it leaves here.
  void attempt(std::size_t index) {
    const std::string name = cell_name(cells_[index]);
    try {
      run_cell(index, name);
    } catch (const std::exception& error) {
      const std::lock_guard guard(mutex_);
      errors_[index] = name + ": " + error.what();
      if (options_.fail_fast) failed_fast_ = true;
      report({.kind = Event::Kind::error, .cell = name, .message = errors_[index]});
    }
  }

  void run_cell(std::size_t index, const std::string& name) {
    const Cell& cell = cells_[index];
    std::string holder;
    std::optional<CellLock> lock = CellLock::take(cell_folder(cell), holder);
    if (!lock) {
      busy_[index] = name + ": " + holder;
      return;
    }
    Journal journal(journal_path(cell), owner_of(cell));
    const std::size_t keep = kept(journal.history());
    if (keep < journal.history().trials.size()) journal.rewind(static_cast<int>(keep));

    const TrialSinks sinks{
        .should_stop =
            [&] {
              lock->beat();
              return stopping();
            },
        .on_inner =
            [&](const InnerRecord& record) {
              journal.append(record);
              const std::lock_guard guard(mutex_);
              report({.kind = Event::Kind::inner, .cell = name, .inner = &record});
            }};
    while (auto proposed = propose_trial(cell, journal.history().trials)) {
      if (sinks.should_stop()) return;
      const int trial = proposed->trial;
      auto record =
          run_trial(cell, *std::move(proposed), journal.history().inner_of(trial), trainer_, sinks);
      if (!record) return;
      if (!is_incumbent(*record, journal.history().trials)) record->evaluation.predictions.clear();
      journal.append(*record);
      const std::lock_guard guard(mutex_);
      ++summary_.trials_done;
      summary_.failed += may_succeed_again(*record) ? 1 : 0;
      if (options_.fail_fast && !record->has_result()) failed_fast_ = true;
      report({.kind = Event::Kind::trial, .cell = name, .trial = &*record});
    }
    write_result(cell, journal.history());
    const std::lock_guard guard(mutex_);
    ++summary_.cells_done;
    report({.kind = Event::Kind::cell, .cell = name});
  }

  const std::vector<Cell> cells_;
  std::vector<std::string> errors_, busy_;  // by cell
  Trainer& trainer_;
  const RunOptions& options_;
  const RunSinks& sinks_;
  std::atomic<bool> failed_fast_ = false;
  std::mutex mutex_;  // guards the rest, and on_progress
  std::vector<std::size_t> pending_;
  std::multiset<Group> at_work_;
  Summary summary_;
};

}  // namespace

fs::path run_folder(const spec::Spec& spec) { return spec.runs_root / spec.name; }

std::vector<Cell> list_cells(const spec::Spec& spec) {
  std::vector<Cell> cells;
  for (const spec::TaskEntry& task : spec.tasks) {
    for (const spec::Method& method : spec.methods) {
      for (const std::uint64_t seed : spec.seeds) {
        cells.push_back({.spec = &spec, .task = &task, .method = &method, .seed = seed});
      }
    }
  }
  return cells;
}

std::string cell_name(const Cell& cell) {
  return fmt::format("{}/{}/seed{}", cell.task->task.name, cell.method->name, cell.seed);
}

fs::path cell_folder(const Cell& cell) {
  return run_folder(*cell.spec) / "cells" / folder_name(cell.task->task.name) /
         folder_name(cell.method->name) / fmt::format("seed{}", cell.seed);
}

History read_history(const Cell& cell) { return read_journal(journal_path(cell), owner_of(cell)); }

std::vector<Cell> cells_of_shard(const spec::Spec& spec, int shard, int shards) {
  if (shards < 1 || shard < 0 || shard >= shards) {
    throw InputError(fmt::format("shard {}/{}: the first must be in 0..{}", shard, shards,
                                 std::max(shards - 1, 0)));
  }
  const auto groups = static_cast<int>(spec.tasks.size() * spec.seeds.size());
  std::map<std::pair<std::string, std::uint64_t>, int> group_of;
  std::map<int, int> seen;  // cells of a group so far
  std::vector<Cell> chosen;
  for (const Cell& cell : list_cells(spec)) {
    const auto key = std::pair(cell.task->task.name, cell.seed);
    const int group = group_of.try_emplace(key, static_cast<int>(group_of.size())).first->second;
    // With more shards than groups, group g has the shards g, g + groups, g + 2 groups, ...
    const int home = group % shards;
    const int share = (shards - home + groups - 1) / groups;
    const int mine = shards > groups ? home + groups * (seen[group]++ % share) : home;
    if (mine == shard) chosen.push_back(cell);
  }
  return chosen;
}

Summary run(const spec::Spec& spec, Trainer& trainer, const RunOptions& options,
            const RunSinks& sinks) {
  std::vector<Cell> cells = cells_of_shard(spec, options.shard, options.shards);
  std::erase_if(cells, [&](const Cell& cell) { return !matches(options.only, cell_name(cell)); });
  return Run(std::move(cells), trainer, options, sinks)();
}

}  // namespace runner::experiment
