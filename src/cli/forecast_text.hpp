#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/options.hpp"
#include "experiment/cells.hpp"
#include "experiment/forecast.hpp"
#include "experiment/pool.hpp"
#include "spec/spec.hpp"

namespace runner::cli {

// --rate, --measure: what hours are reckoned by.
void add_forecast_flags(boost::program_options::options_description& flags);

// FLOPs per second of a whole process, and where that is from; 0: not known.
struct Rate {
  double flops = 0.0;
  const char* source = "";
};
Rate rate_of(const spec::Spec& spec, const CommandLine& line, int workers);

// Is outer.budget in seconds, so that a plan must know a rate?
bool needs_rate(const spec::Spec& spec);

// What outer.budget buys a search by a model, by the plan, over the tasks.
struct Bought {
  std::string method;
  int fewest = 0, most = 0, starts = 0;  // trials of a cell; of its start design
  bool at_least = false;                 // those that are pruned leave some of the budget

  bool never_asked() const { return fewest <= starts; }
  std::string text() const;
};
// Of every such search; nothing without a budget.
std::vector<Bought> bought(const spec::Spec& spec, const experiment::Forecast& cost);

// FLOPs of a trial of each of the spec's cells, taken to be the recipe's; empty where outer.budget
// decides how many there are. Borrows the spec. Needs what forecast_text needs.
std::function<double(const experiment::Cell&)> trial_prices(const spec::Spec& spec);

// Of all snapshots that a plan's distinct training runs leave.
double snapshot_bytes(const spec::Spec& spec, const experiment::Forecast& cost);

// What an experiment will cost, as comment lines: runs naive and shared, examples and FLOPs as the
// tables charge them and as they are computed, hours at a rate (given; that of this run's finished
// trials; measured), memory of `cell_bytes` for each of the pool's workers, disk against the limit.
// Needs the data, the vocabulary and config.json.
std::string forecast_text(const spec::Spec& spec, const CommandLine& line,
                          const experiment::Pool& pool, double cell_bytes, double store_limit);

}  // namespace runner::cli
