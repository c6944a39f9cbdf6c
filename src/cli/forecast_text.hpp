#pragma once

#include <string>

#include "cli/options.hpp"
#include "experiment/forecast.hpp"
#include "experiment/pool.hpp"
#include "spec/spec.hpp"

namespace runner::cli {

// --rate, --measure: what hours are reckoned by.
void add_forecast_flags(boost::program_options::options_description& flags);

// Of all snapshots that a plan's distinct training runs leave.
double snapshot_bytes(const spec::Spec& spec, const experiment::Forecast& cost);

// What an experiment will cost, as comment lines: runs naive and shared, examples and FLOPs as the
// tables charge them and as they are computed, hours at a rate (given; that of this run's finished
// trials; measured), memory of `cell_bytes` for each of the pool's workers, disk against the limit.
// Needs the data, the vocabulary and config.json.
std::string forecast_text(const spec::Spec& spec, const CommandLine& line,
                          const experiment::Pool& pool, double cell_bytes, double store_limit);

}  // namespace runner::cli
