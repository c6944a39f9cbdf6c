// The verb bench study: a whole nested search here, and as a user would write it in Python.
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/program_options/value_semantic.hpp>
#include <chrono>
#include <filesystem>

#include "cli/bench.hpp"
#include "cli/options.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "experiment/cells.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "spec/load.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

struct Study {
  int trials, initial, epochs, snapshots, evaluations, rows, train_rows, batch;
};

struct Cost {
  double seconds = 0.0, bytes = 0.0;            // wall time and peak memory of the process
  double train = 0.0, fuse = 0.0, score = 0.0;  // seconds of its phases
  double chosen = 0.0;                          // selection score of what it chose
};

struct TemporaryFolder {
  fs::path path = [] {
    std::string name = (fs::temp_directory_path() / "runner_bench_study_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw InputError(name + ": cannot create");
    return fs::path(name);
  }();
  TemporaryFolder() = default;
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code left;
    fs::remove_all(path, left);
  }
};

// This program itself as a process of its own, its output thrown away.
Cost run_alone(const fs::path& spec) {
  const std::string self = fs::read_symlink("/proc/self/exe").string(), file = spec.string();
  std::string name = self, path = file, quiet = "--quiet";
  char* arguments[] = {name.data(), path.data(), quiet.data(), nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  const auto start = std::chrono::steady_clock::now();
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, self.c_str(), &actions, nullptr, arguments, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  rusage usage{};
  int status = 0;
  if (failed != 0 || ::wait4(child, &status, 0, &usage) != child || status != 0)
    throw InputError(fmt::format("{} {}: did not end well", self, file));
  Cost cost;
  cost.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  cost.bytes = 1024.0 * static_cast<double>(usage.ru_maxrss);
  return cost;
}

Cost our_study(const fs::path& folder, const std::string& task, const fs::path& model,
               const fs::path& glue, const Study& study, int seed) {
  const fs::path file = folder / fmt::format("study{}.yaml", seed);
  io::write_file_atomic(
      file,
      fmt::format("model: {}\ntasks: [{}]\nseeds: [{}]\nruns: {}\nouter_split: dev\n"
                  "data: {{root: {}, max_train_rows: {}}}\n"
                  "recipe: {{precision: bf16, epochs: {}, snapshots: {}, batch_size: {}}}\n"
                  "search:\n  lr: {{type: real, low: 1e-6, high: 1e-4, scale: log}}\n"
                  "  batch_size: {{type: integer, low: 8, high: 32}}\n"
                  "  weight_decay: {{type: real, low: 0, high: 0.2}}\n"
                  "outer: {{trials: {}, initial: {}}}\ninner: {{evaluations: {}, rows: {}}}\n"
                  "methods: [{{bilevel: {{outer: ei, inner: ucb}}}}]\n",
                  fs::absolute(model).string(), task, seed, folder.string(),
                  fs::absolute(glue).string(), study.train_rows, study.epochs, study.snapshots,
                  study.batch, study.trials, study.initial, study.evaluations, study.rows));
  Cost cost = run_alone(file);
  const spec::Spec spec = spec::load(file);
  const auto trials = experiment::read_history(experiment::list_cells(spec).front()).trials;
  for (const experiment::TrialRecord& trial : trials) {
    cost.train += trial.budget.train_seconds;
    cost.fuse += trial.budget.fusion_seconds;
    cost.score += trial.budget.evaluate_seconds;
  }
  const int best = experiment::best_trial(trials);
  if (best < 0) throw InputError("no trial of the study has a result");
  cost.chosen = -trials[static_cast<std::size_t>(best)].objective;
  return cost;
}

Cost peer_study(const std::string& command, int seed) {
  const std::string printed = output_of(fmt::format("{} --seed {} 2>/dev/null", command, seed));
  const std::size_t at = printed.rfind("{\"task\"");
  if (at == std::string::npos) throw InputError("the peer printed no result: " + command);
  const io::Json json = io::parse_json(printed.substr(at), "what the peer printed");
  const auto number = [&](const char* name) { return json.at(name).get<double>(); };
  return {number("seconds"),  1048576.0 * number("peak_rss_mb"),
          number("train"),    number("fuse") + number("inner_forward") + number("inner_suggest"),
          number("evaluate"), number("best")};
}

void print_costs(std::string_view name, const std::vector<Cost>& costs) {
  const auto spread = [&](double Cost::*field) {
    std::vector<double> values;
    for (const Cost& cost : costs) values.push_back(cost.*field);
    return written(spread_of(std::move(values)), 4);
  };
  print_out("  {:<5} {} s (training {}, fusing {}, scoring {}), {:.0f} MB, chosen {}\n", name,
            spread(&Cost::seconds), spread(&Cost::train), spread(&Cost::fuse), spread(&Cost::score),
            costs.front().bytes / 1e6, spread(&Cost::chosen));
}

}  // namespace

int bench_study(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  const auto count = [](int value) {
    return po::value<int>()->default_value(value)->value_name("N");
  };
  flags.add_options()("model", po::value<std::string>()->value_name("DIR"), "Hugging Face folder")(
      "glue", po::value<std::string>()->value_name("DIR"), "GLUE's root (else RUNNER_GLUE)")(
      "task", po::value<std::string>()->default_value("MRPC")->value_name("TASK"), "of GLUE")(
      "trials", count(6), "of the outer search")("initial", count(3), "of them by design")(
      "train-rows", count(800), "that each trial trains on")("epochs", count(2), "of each trial")(
      "snapshots", count(6), "that each trial leaves")("inner", count(20), "fusions per trial")(
      "rows", count(128), "that a fusion is scored on")(
      "rounds", count(1), "seeds 0, 1, ...; ours and the peer's in turn");
  add_peer_flags(flags, "transformers and BoTorch", "bilevel_peer.py", "the same study");
  bool helped = false;
  const CommandLine line = parse(arguments, "runner bench study [flags]", flags, helped);
  if (helped) return kDone;
  const auto number = [&](const char* name) { return line.get<int>(name); };
  const Study study{.trials = number("trials"),
                    .initial = number("initial"),
                    .epochs = number("epochs"),
                    .snapshots = number("snapshots"),
                    .evaluations = number("inner"),
                    .rows = number("rows"),
                    .train_rows = number("train-rows"),
                    .batch = 16};
  const fs::path model = model_folder(line), glue = glue_folder(line);
  const auto task = line.get<std::string>("task");
  std::string command;
  if (line.has("peer")) {
    command = fmt::format(
        "'{}' '{}' --glue '{}' --task {} --model '{}' --trials {} --init {} --epochs {} "
        "--snapshots {} --inner {} --fusion-rows {} --max-train {} --bf16 --group",
        line.get<std::string>("peer"), (peers_folder(line) / "bilevel_peer.py").string(),
        glue.string(), task, model.string(), study.trials, study.initial, study.epochs,
        study.snapshots, study.evaluations, study.rows, study.train_rows);
  }
  const TemporaryFolder temporary;
  const fs::path& folder = temporary.path;
  std::vector<Cost> ours, peers;
  std::vector<double> times, memory, scores;
  for (int round = 0; round < number("rounds"); ++round) {
    ours.push_back(our_study(folder, task, model, glue, study, round));
    if (command.empty()) continue;
    peers.push_back(peer_study(command, round));
    times.push_back(peers.back().seconds / ours.back().seconds);
    memory.push_back(ours.back().bytes / peers.back().bytes);
    scores.push_back(ours.back().chosen - peers.back().chosen);
  }
  print_out("{} {}, {} trials x {} rows x {} epochs, {} fusions of {} rows each, {} rounds\n",
            model.filename().string(), task, study.trials, study.train_rows, study.epochs,
            study.evaluations, study.rows, number("rounds"));
  print_costs("ours", ours);
  if (!peers.empty()) {
    print_costs("peer", peers);
    print_out("  times faster {}, memory ratio {}, chosen score more by {}\n",
              written(spread_of(times)), written(spread_of(memory)), written(spread_of(scores)));
  }
  return kDone;
}

}  // namespace runner::cli
