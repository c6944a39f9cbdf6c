#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options/value_semantic.hpp>

#include "cli/bench.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "report/coverage.hpp"

namespace runner::cli {
namespace po = boost::program_options;

int bench_statistics(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()(
      "simulations", po::value<int>()->default_value(20000)->value_name("N"),
      "of each row of the first table; of the second a fortieth, with 9 tasks a two-hundredth")(
      "seed", po::value<std::uint64_t>()->default_value(0)->value_name("S"), "of the simulations");
  bool helped = false;
  const CommandLine line = parse(arguments, "runner bench statistics [flags]", flags, helped);
  if (helped) return kDone;
  const int simulations = line.get<int>("simulations");
  const auto seed = line.get<std::uint64_t>("seed");
  const auto percent = [](double share) { return fmt::format("{:.1f}", 100.0 * share); };

  print_out(
      "| differences | scales of tasks | seeds | tasks | 95 % interval holds the mean | p < .05 "
      "without a difference | half width |\n| :-- | :-- | --: | --: | --: | --: | --: |\n");
  for (const report::Shape& shape : report::shapes()) {
    for (const int seeds : {3, 5}) {
      for (const auto& [tasks, uneven] : {std::pair{1, false}, {9, false}, {9, true}}) {
        const report::Coverage found =
            report::simulate_t(shape, seeds, tasks, uneven, simulations, seed);
        print_out("| {} | {} | {} | {} | {} | {} | {:.2f} |\n", shape.name,
                  uneven ? "1, 2, 4" : "equal", seeds, tasks, percent(found.covered),
                  percent(found.false_alarms), found.half_width);
      }
    }
  }
  constexpr int kRows = 300, kResamples = 400;
  print_out(
      "\n| seeds | tasks | simulations | t over seeds | seeds and rows resampled | rows resampled, "
      "of the models "
      "of one seed |\n| --: | --: | --: | --: | --: | --: |\n");
  for (const int seeds : {3, 5}) {
    for (const int tasks : {1, 9}) {
      const int runs = std::max(1, simulations / (tasks == 1 ? 40 : 200));
      const report::CrossedCoverage found =
          report::simulate_crossed(seeds, tasks, kRows, kResamples, runs, seed);
      print_out("| {} | {} | {} | {} | {} | {} |\n", seeds, tasks, runs, percent(found.t),
                percent(found.crossed), percent(found.rows));
    }
  }
  return kDone;
}

}  // namespace runner::cli
