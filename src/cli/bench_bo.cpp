// The verb bench bo: regret and cost of a suggestion, also against BoTorch and Optuna.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options/value_semantic.hpp>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>

#include "bench/problems.hpp"
#include "bench/study.hpp"
#include "bo/suggest.hpp"
#include "cli/bench.hpp"
#include "cli/options.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "fusion/rules.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"
#include "io/file.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

// The start designs that all optimisers share: problem and seed -> points of the unit cube.
using Starts = std::map<std::pair<std::string, int>, std::vector<std::vector<double>>>;

Starts read_starts(const fs::path& file) {
  Starts starts;
  const auto records = io::parse_csv(io::read_file(file), file.string());
  for (std::size_t i = 1; i < records.size(); ++i) {
    const auto& fields = records[i].fields;
    double seed = 0.0;
    std::vector<double> point;
    bool whole = fields.size() > 3 && io::parse_number(fields[1], seed);
    for (std::size_t column = 3; whole && column < fields.size() && !fields[column].empty();
         ++column) {
      point.emplace_back();
      whole = io::parse_number(fields[column], point.back());
    }
    if (!whole) {
      throw InputError(
          fmt::format("{}:{}: not 'problem,seed,index,u0,...'", file.string(), records[i].line));
    }
    starts[{fields[0], static_cast<int>(seed)}].push_back(std::move(point));
  }
  return starts;
}

bench::Problem problem_named(std::string_view name) {
  return *std::ranges::find(bench::problems(), name, &bench::Problem::name);
}

// What suggesting costs with `count` observations of a problem, of which all are start points.
struct SuggestionCost {
  bo::Space space;
  std::vector<bo::Observation> history;
  bo::Options options;

  SuggestionCost(const bench::Problem& problem, int count) : space(problem.space()) {
    options.noise = bo::Noise::deterministic;
    options.initial = count;
    for (int i = 0; i < count; ++i) {
      bo::Observation observation;
      observation.x = bo::suggest(space, history, options, 12345).x;
      observation.y = problem(observation.x);
      history.push_back(std::move(observation));
    }
  }

  // Median milliseconds of processor time per suggestion, after one that warms the caches.
  double milliseconds(std::uint64_t repetitions, bo::Noise noise = bo::Noise::deterministic) {
    options.noise = noise;
    std::vector<double> times;
    for (std::uint64_t seed = 0; seed <= repetitions; ++seed) {
      const std::clock_t start = std::clock();
      bo::suggest(space, history, options, seed);
      times.push_back(1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    }
    times.erase(times.begin());
    return spread_of(times).median;
  }
};

// Processor milliseconds of the proposals of a whole inner loop: 10 snapshots, 30 evaluations, none
// saved by stopping early.
double inner_loop_milliseconds() {
  constexpr int kSnapshots = 10;
  const fusion::Options options{.evaluations = 30, .stop_expected_improvement = 0.0};
  std::vector<fusion::Measured> history;
  const std::clock_t start = std::clock();
  for (;;) {
    fusion::Step next = fusion::search_one({kSnapshots, options, history, 0});
    if (next.kind != fusion::Step::Kind::measure) break;
    fusion::Measured& point = history.emplace_back();
    point.loss = 0.0;
    for (std::size_t k = 0; k < next.alpha.size(); ++k) {
      const double rising = static_cast<double>(k + 1) / (kSnapshots * (kSnapshots + 1) / 2);
      point.loss += static_cast<double>(k + 1) * std::pow(next.alpha[k] - rising, 2);
    }
    point.alpha = std::move(next.alpha);
    point.warm_start = std::move(next.why.warm_start);
    point.nominees = std::move(next.why.nominees);
  }
  return 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

// Bytes of this process that are in memory: proc(5), statm.
double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double pages = 0.0;
  file >> pages >> pages;
  return pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

int bench_bo(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("seeds", po::value<int>()->default_value(5)->value_name("N"),
                      "studies per problem, seeds 0 to N-1")(
      "acquisition", po::value<std::string>()->default_value("logei")->value_name("NAME"), "")(
      "only", po::value<std::string>()->default_value("")->value_name("PROBLEM"), "")(
      "starts", po::value<std::string>()->value_name("FILE"),
      "CSV problem,seed,index,u0,...: the first points, shared with a peer");
  add_peer_flags(flags, "BoTorch and Optuna", "bo_peers.py", "the same problems, seeds and starts");
  bool helped = false;
  const CommandLine line = parse(arguments, "runner bench bo [flags]", flags, helped);
  if (helped) return kDone;
  const int seeds = line.get<int>("seeds");
  if (seeds < 1) throw InputError("command line: --seeds must be at least 1");
  const Starts starts =
      line.has("starts") ? read_starts(line.get<std::string>("starts")) : Starts{};
  const auto only = line.get<std::string>("only");
  std::string names, seed_list;
  for (int seed = 0; seed < seeds; ++seed) seed_list += fmt::format("{}{}", seed ? "," : "", seed);

  print_out("simple regret after the whole budget, {} seeds: median [least, largest]\n", seeds);
  for (const bench::Problem& problem : bench::problems()) {
    if (!only.empty() && problem.name != only) continue;
    names += fmt::format("{}{}", names.empty() ? "" : ",", problem.name);
    std::vector<double> regrets, milliseconds;
    int near_duplicates = 0;
    for (int seed = 0; seed < seeds; ++seed) {
      bench::StudyOptions options;
      options.suggest.acquisition = line.get<std::string>("acquisition");
      options.suggest.noise = bo::Noise::deterministic;
      options.seed = static_cast<std::uint64_t>(seed);
      const auto shared = starts.find({std::string(problem.name), seed});
      const bench::StudyResult study = bench::run_study(
          problem, shared == starts.end() ? std::vector<std::vector<double>>{} : shared->second,
          options);
      regrets.push_back(study.regret.back());
      milliseconds.push_back(1e3 * study.cpu_seconds);
      near_duplicates += study.near_duplicates;
    }
    print_out("  {:<20} {:<34} {:>24} ms/suggestion, {} near-duplicates\n", problem.name,
              written(spread_of(regrets)), written(spread_of(milliseconds)), near_duplicates);
    std::fflush(stdout);
  }
  if (names.empty()) throw InputError(fmt::format("there is no problem '{}'", only));
  const bench::Problem hartmann = problem_named("hartmann6");
  bench::Problem levy8 = problem_named("levy4");  // defined for any number of variables
  levy8.size = 8;
  SuggestionCost few(hartmann, 20), more(hartmann, 60), many(levy8, 1000);
  constexpr auto kLearned = bo::Noise::learned;
  print_out(
      "processor ms per suggestion, with learned noise in brackets: hartmann6, n=20 {:.2f} "
      "({:.2f}), n=60 {:.2f} ({:.2f}); d=8, n=1000 {:.0f} ({:.0f})\n",
      few.milliseconds(6), few.milliseconds(6, kLearned), more.milliseconds(6),
      more.milliseconds(6, kLearned), many.milliseconds(2), many.milliseconds(2, kLearned));
  print_out("processor ms of an inner loop's 30 proposals, K=10: {:.0f}\n",
            inner_loop_milliseconds());
  const double before = resident_bytes();
  few.milliseconds(10000);
  print_out("memory after 10,000 more suggestions: {:+.2f} MB\n",
            (resident_bytes() - before) / 1e6);
  std::fflush(stdout);
  if (!line.has("peer")) return kDone;
  const fs::path peers = peers_folder(line);
  const fs::path scratch = fs::temp_directory_path() / "runner_bo_peers";
  fs::create_directories(scratch);
  // A program of the path stays itself; a path is taken from the current folder.
  const auto named = line.get<std::string>("peer");
  const std::string python = named.find('/') == std::string::npos
                                 ? named
                                 : fs::absolute(named).lexically_normal().string();
  const std::string run = fmt::format("cd '{}' && rm -f *.jsonl && '{}' '{}'", scratch.string(),
                                      python, (peers / "bo_peers.py").string());
  output_of(fmt::format("{} run --problems {} --seeds {} --peers botorch-logei,optuna-gp", run,
                        names, seed_list));
  output_of(fmt::format(
      "cd '{0}' && '{1}' '{2}' time --peers botorch-logei,optuna-gp && '{1}' '{2}' report",
      scratch.string(), python, (peers / "bo_peers.py").string()));
  print_out("\n{}", io::read_file(scratch / "peers.md"));
  return kDone;
}

}  // namespace runner::cli
