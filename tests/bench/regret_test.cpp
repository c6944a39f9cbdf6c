#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "bench/study.hpp"
#include "io/csv.hpp"
#include "io/file.hpp"
#include "places.hpp"

namespace runner::bench {
namespace {

using Starts = std::map<std::pair<std::string, int>, std::vector<std::vector<double>>>;

// The start designs that all peers share (../shared/peers/starts.csv): problem, seed, index, u0 ..
Starts read_starts(const std::filesystem::path& file) {
  Starts starts;
  const auto records = io::parse_csv(io::read_file(file), file.string());
  for (std::size_t r = 1; r < records.size(); ++r) {
    const auto& fields = records[r].fields;
    auto& point = starts[{fields[0], std::stoi(fields[1])}].emplace_back();
    for (std::size_t k = 3; k < fields.size() && !fields[k].empty(); ++k) {
      REQUIRE(io::parse_number(fields[k], point.emplace_back()));
    }
  }
  return starts;
}

// Median simple regret over seeds 0-4 that must be reached, noise learned as by default.
const std::map<std::string_view, double> kTargets = {
    {"branin", 1e-3},          {"hartmann6", 0.12},     {"ackley5", 2.0},
    {"rosenbrock4", 50.0},     {"levy4", 0.32},         {"simplex6-interior", 5e-5},
    {"simplex6-vertex", 1e-9}, {"simplex6-face", 1e-4},
};

TEST_CASE("reference: median regret over five shared start designs is within every target") {
  const auto peers = shared_folder("RUNNER_PEERS", "peers");
  if (!peers) return;
  const Starts starts = read_starts(*peers / "starts.csv");
  for (const Problem& problem : problems()) {
    CAPTURE(problem.name);
    std::vector<double> regrets;
    for (int seed = 0; seed < 5; ++seed) {
      StudyOptions options;
      options.seed = static_cast<std::uint64_t>(seed);
      regrets.push_back(
          run_study(problem, starts.at({std::string(problem.name), seed}), options).regret.back());
    }
    std::sort(regrets.begin(), regrets.end());
    CHECK(regrets[2] <= kTargets.at(problem.name));
  }
}

}  // namespace
}  // namespace runner::bench
