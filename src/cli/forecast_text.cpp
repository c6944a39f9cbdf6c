#include "cli/forecast_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options/value_semantic.hpp>
#include <map>
#include <utility>

#include "cli/engine.hpp"
#include "data/cache.hpp"
#include "data/tokenizer.hpp"
#include "experiment/forecast.hpp"
#include "experiment/run.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "model/checkpoint.hpp"
#include "model/layout.hpp"
#include "spec/budget.hpp"

namespace runner::cli {
namespace po = boost::program_options;

namespace {

// FLOPs per second of the finished trials in the run's journals, all workers together; 0: none.
double recorded_rate(const spec::Spec& spec, int workers) {
  double flops = 0.0, seconds = 0.0;
  for (const experiment::Cell& cell : experiment::list_cells(spec)) {
    for (const experiment::TrialRecord& trial : experiment::readable_history(cell).trials) {
      const experiment::Budget& budget = trial.budget;
      flops += budget.flops;
      seconds += budget.train_seconds + budget.fusion_seconds + budget.evaluate_seconds;
    }
  }
  return seconds > 0.0 ? workers * flops / seconds : 0.0;
}

// A few training steps of the first task's recipe on random weights, with all cores.
double measured_rate(const spec::Spec& spec) {
  constexpr int kSteps = 5;
  const spec::TaskEntry& entry = spec.tasks.front();
  const train::Options& options = entry.recipe.train;
  const data::EncodedSplit split = data::load_split(entry.task, entry.task.train, spec.glue_root,
                                                    data::Tokenizer::load(spec.model),
                                                    options.max_length, spec.runs_root / ".tokens");
  const model::Checkpoint start = model::random_checkpoint(spec.model, entry.task.labels, 0);
  engine().set_threads(engine().auto_threads());
  return 1e9 * engine()
                   .measure_training({.config = start.config,
                                      .classes = entry.task.classes(),
                                      .weights = start.weights,
                                      .data = &split,
                                      .options = options,
                                      .device = engine().resolve_devices(spec.device).front()},
                                     kSteps)
                   .gflop_per_second;
}

}  // namespace

Rate rate_of(const spec::Spec& spec, const CommandLine& line, int workers) {
  if (line.has("rate")) {
    const auto rate = line.get<double>("rate");
    if (!(rate >= 1e6 && rate <= 1e21)) {
      throw InputError(fmt::format(
          "command line: --rate {}: it must be from 1e6 to 1e21 FLOPs per second", rate));
    }
    return {rate, "as given"};
  }
  if (line.has("measure")) return {measured_rate(spec), "as measured now"};
  return {recorded_rate(spec, workers), "as this run's trials had"};
}

bool needs_rate(const spec::Spec& spec) {
  return spec.outer.budget && spec.outer.budget->unit == spec::BudgetUnit::seconds;
}

void add_forecast_flags(po::options_description& flags) {
  flags.add_options()("rate", po::value<double>()->value_name("FLOPS"),
                      "FLOPs per second that hours are reckoned by, such as 3e11")(
      "measure", "measure the rate: a few training steps");
}

std::string Bought::text() const {
  const std::string trials =
      fewest == most ? fmt::format("{}", fewest) : fmt::format("{} to {}", fewest, most);
  std::string text = fmt::format(
      "outer.budget buys {} {}{} trial{} a cell, of which the first {} are "
      "the start design",
      method, at_least ? "at least " : "", trials, trials == "1" ? "" : "s", starts);
  if (never_asked()) return text + ": its model would never be asked in some cells";
  if (fewest < 2 * starts) text += ": in some cells the model chooses fewer than half";
  return text;
}

std::vector<Bought> bought(const spec::Spec& spec, const experiment::Forecast& cost) {
  std::vector<Bought> all;
  const bool prunes = !spec.outer.pruning.empty();
  for (std::size_t m = 0; m < spec.methods.size(); ++m) {
    const spec::Method& method = spec.methods[m];
    if (!spec.outer.budget || method.search != spec::Search::bo) continue;
    const auto& [fewest, most] = cost.trials_of[m];
    all.push_back({method.name, fewest, most, spec::start_trials(spec), prunes});
  }
  return all;
}

std::function<double(const experiment::Cell&)> trial_prices(const spec::Spec& spec) {
  if (spec.outer.budget) return {};
  const auto pricing = engine().make_pricing(spec);
  experiment::TrialCosts costs(*pricing);
  std::map<std::pair<const spec::TaskEntry*, const spec::Method*>, double> prices;
  for (const experiment::Cell& cell : experiment::list_cells(spec)) {
    const auto [price, is_new] = prices.try_emplace({cell.task, cell.method}, 0.0);
    if (is_new) price->second = costs.of_unknown(cell);
  }
  return [prices = std::move(prices)](const experiment::Cell& cell) {
    return prices.at({cell.task, cell.method});
  };
}

double snapshot_bytes(const spec::Spec& spec, const experiment::Forecast& cost) {
  const model::EncoderConfig config = model::read_config(spec.model);
  double bytes = 0.0;
  for (std::size_t i = 0; i < spec.tasks.size(); ++i) {
    const model::Layout layout = model::make_layout(config, spec.tasks[i].task.classes());
    bytes += 4.0 * static_cast<double>(cost.snapshots[i]) * static_cast<double>(layout.size);
  }
  return bytes;
}

std::string forecast_text(const spec::Spec& spec, const CommandLine& line,
                          const experiment::Pool& pool, double cell_bytes, double store_limit) {
  const auto [rate, source] = rate_of(spec, line, pool.workers);
  // The program's own: .25 to .7 GB were seen, of which oneDNN's kernels, one for each size of a
  // batch, are the larger part.
  const std::string memory = fmt::format(
      "# peak memory: at most {} for {} cell{} at once, beside up to 0.7 GB of the program's own\n",
      io::size_text(pool.workers * cell_bytes), pool.workers, pool.workers == 1 ? "" : "s");
  if (needs_rate(spec) && rate == 0.0) {
    return fmt::format(
        "# how many trials {} buy is not known before one has run; --measure or --rate FLOPS "
        "tell\n{}",
        spec::written(*spec.outer.budget), memory);
  }
  const auto pricing = engine().make_pricing(spec);
  const experiment::Forecast cost = experiment::forecast(spec, *pricing, rate / pool.workers);
  const double disk = snapshot_bytes(spec, cost);
  std::string text = fmt::format(
      "# {} trials, {} distinct training runs (what models will propose is not known yet)\n"
      "# charged to methods: {:.4g} examples, {:.4g} FLOPs\n"
      "# to compute: {:.4g} examples, {:.4g} FLOPs; training {:.4g}, fusion and evaluation "
      "{:.4g}\n",
      cost.trials, cost.runs, cost.charged.examples, cost.charged.flops, cost.computed().examples,
      cost.computed().flops, cost.training.flops, cost.evaluation.flops);
  if (!spec.outer.pruning.empty()) {
    text += "# at most, for no run is foreseen to be pruned\n";
  }
  for (const Bought& search : bought(spec, cost)) text += fmt::format("# {}\n", search.text());
  text += rate > 0.0
              ? fmt::format("# hours: {:.2g} at {:.3g} FLOPs/s, {}\n",
                            cost.computed().flops / rate / 3600.0, rate, source)
              : "# hours: not known before a trial has run; --measure or --rate FLOPS tell\n";
  text += memory;
  text += fmt::format("# disk: {} of snapshots; store_limit {} {}\n", io::size_text(disk),
                      io::size_text(store_limit),
                      disk <= store_limit
                          ? "holds them all"
                          : "is less: runs that are dropped are trained again when they "
                            "are asked for");
  return text;
}

}  // namespace runner::cli
