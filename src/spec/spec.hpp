#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bo/suggest.hpp"
#include "data/task.hpp"
#include "fusion/options.hpp"
#include "train/options.hpp"

namespace runner::spec {

// One evaluation's settings: what is trained and how its snapshots are fused.
struct Trial {
  train::Options train;
  fusion::Options fusion;

  // Of the training losses that its fusion measures: fp32 or bf16.
  fusion::Precision fusion_precision() const {
    if (fusion.precision != fusion::Precision::run) return fusion.precision;
    return train.precision == train::Precision::bf16 ? fusion::Precision::bf16
                                                     : fusion::Precision::fp32;
  }
};

// How a method chooses lambda, trial by trial. refuse: as another method did. confirm: the lambda
// that another method chose in the end, with fresh seeds. soup: none of its own, but the fused
// models of all of another method's runs, mixed.
enum class Search { none, restarts, random, grid, bo, refuse, confirm, soup };

// One row of the comparison: a search and a fusion. methods.cpp has the names of pairs.
struct Method {
  std::string name;  // as the tables print it: "fine_tune", "bilevel(ei,ucb)", "random+swa"
  std::string kind;  // the same without settings: "fine_tune", "bilevel", "random+swa"
  Search search = Search::none;
  std::string rule;   // fusion rule (fusion::Options::rule)
  std::string outer;  // acquisition of the outer loop; empty unless search is bo
  std::string inner;  // acquisition of the inner loop; empty unless the rule is bo
  // What the rule minimises, where the method says it: one of bo, two of ehvi.
  std::vector<fusion::Objective> objectives;
  // refuse, confirm, soup: the method whose runs are fused again, its winner trained, its models
  // mixed.
  std::string of;
};

// A task and what the spec says about it alone.
struct TaskEntry {
  data::Task task;
  Trial recipe;  // the experiment's recipe with this task's own changes
};

// What a search may spend, in place of a number of trials: amount > 0.
enum class BudgetUnit { examples, flops, seconds };
struct BudgetLimit {
  double amount = 0.0;
  BudgetUnit unit = BudgetUnit::examples;
};

// The search over hyperparameters.
struct Outer {
  int trials = 8;  // training runs per cell that searches; without meaning beside a budget
  std::optional<BudgetLimit> budget;
  int initial = 0;  // of them before the model is asked; 0: auto, see start_trials
  // Known good settings, tried right after the recipe: a column per variable of `search`, NaN where
  // the recipe's own value stands.
  std::vector<bo::Point> starts;
  int parallel = 1;   // trials of one search at once: trial i is chosen without the outcomes of the
                      // parallel - 1 before it, whether they are there or not
  double beta = 4.0;  // UCB, standardised outcomes
  bo::Noise noise = bo::Noise::learned;
  std::string pruning;     // a rule of bo/pruning.hpp by which runs are stopped; empty: none is
  double reduction = 3.0;  // that rule's
};

// One question of the comparison: is `method` better than `against`? Both are methods' names.
struct Contrast {
  std::string method, against;
  bool operator==(const Contrast&) const = default;
};

// A row of a table that others published.
struct PublishedRow {
  std::string method;
  std::vector<std::pair<std::string, double>> scores;  // by task or "average", x 100
  std::string source;
};

struct Spec {
  std::filesystem::path file;       // the YAML file
  std::string name;                 // run directory: runs_root / name
  std::filesystem::path glue_root;  // GLUE's folders (CoLA, SST-2, ...)
  std::filesystem::path model;      // Hugging Face folder of the pretrained encoder
  std::filesystem::path runs_root;
  std::vector<TaskEntry> tasks;  // at least one, names distinct
  std::vector<std::uint64_t> seeds{0};
  // The share of train that is held out for selection (holdout:F), all that max_train_rows leaves
  // over where that is more; 0: selection on dev.
  double holdout = 0.0;
  int max_selection_rows = 1000;  // of those that are held out; 0: all
  int max_train_rows = 0;         // 0: all; else a seeded stratified subset, named in the tables
  int max_dev_rows = 0;
  std::string device = "auto";  // as read_device gives it
  int threads = 0;              // per worker; 0: auto
  int workers = 0;              // cells at once in this process; 0: auto
  int trials_per_device = 1;    // what auto is on a GPU
  bool deterministic = true;    // on a GPU: the same bits every time, as always on a CPU
  // Bytes of snapshots that the store of runs keeps; what is dropped is trained again when it is
  // asked for once more.
  std::uint64_t store_limit = 16'000'000'000;
  std::vector<bo::Variable> search;  // Lambda; names from variables.cpp, no simplex
  Outer outer;
  int confirm = 0;  // runs with fresh seeds of what each search has chosen, as rows of their own
  std::vector<Method> methods;  // names distinct
  // What the tables compare (spec/comparisons.hpp); empty or none: nothing.
  std::string baseline;
  std::optional<Contrast> primary;
  std::vector<Contrast> comparisons;
  double equivalence = 0.5;            // points
  bool measure_chance = true;          // else `at_chance` is the spec's own word
  std::vector<std::string> at_chance;  // tasks
  std::vector<PublishedRow> published;
  std::map<std::string, std::string> overrides;  // key.path=value from the command line, as given
  std::vector<std::string> warnings;  // what is allowed, but hardly meant; as problems are shown
};

// Trials before a search asks its model: the recipe, outer.starts and points spread over the space,
// outer.initial in all (auto: one more than there are variables, at most 4), but never fewer than
// are known.
int start_trials(const Spec& spec);

}  // namespace runner::spec
