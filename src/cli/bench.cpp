#include "cli/bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/program_options/value_semantic.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include "cli/engine.hpp"
#include "cli/options.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "data/cache.hpp"
#include "data/tasks.hpp"
#include "fusion/trajectory.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "random/philox.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;
using Clock = std::chrono::steady_clock;

namespace {

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Seconds of `work`, `repetitions` times after one that does not count.
template <typename Work>
Spread time_of(int repetitions, const Work& work) {
  work();
  std::vector<double> seconds;
  for (int i = 0; i < repetitions; ++i) {
    const Clock::time_point start = Clock::now();
    work();
    seconds.push_back(seconds_since(start));
  }
  return spread_of(seconds);
}

// memcpy, each thread its part: what the machine's memory gives at best.
void copy_in_parallel(const std::vector<float>& source, std::vector<float>& target, int threads) {
  const auto parts = static_cast<std::size_t>(threads);
  std::vector<std::jthread> workers;
  for (std::size_t part = 0; part < parts; ++part) {
    workers.emplace_back(
        [&, begin = source.size() * part / parts, end = source.size() * (part + 1) / parts] {
          std::memcpy(target.data() + begin, source.data() + begin, (end - begin) * sizeof(float));
        });
  }
}

}  // namespace

fs::path model_folder(const CommandLine& line) {
  if (line.has("model")) return line.get<std::string>("model");
  const char* root = std::getenv("RUNNER_MODELS");
  return root != nullptr ? fs::path(root) / "minilm-roberta" : fs::path("data/tiny_roberta");
}

fs::path glue_folder(const CommandLine& line) {
  if (line.has("glue")) return line.get<std::string>("glue");
  const char* root = std::getenv("RUNNER_GLUE");
  return root != nullptr ? root : "data/mini_glue";
}

fs::path peers_folder(const CommandLine& line) {
  if (line.has("peers")) return fs::absolute(line.get<std::string>("peers"));
  const char* const root = std::getenv("RUNNER_PEERS");
  const fs::path folder = fs::absolute(root != nullptr ? root : "tests/peers");
  if (fs::is_directory(folder)) return folder;
  throw InputError(fmt::format(
      "{}: is no folder: --peers DIR or the variable RUNNER_PEERS names that of the peers' scripts",
      folder.string()));
}

void add_peer_flags(po::options_description& flags, std::string_view packages,
                    std::string_view script, std::string_view work) {
  flags.add_options()(
      "peer", po::value<std::string>()->value_name("PYTHON"),
      fmt::format("a Python with {}: runs {} on {}", packages, script, work).c_str())(
      "peers", po::value<std::string>()->value_name("DIR"),
      fmt::format("folder of {} (else RUNNER_PEERS, else tests/peers)", script).c_str());
}

Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return {n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2.0, values.front(),
          values.back()};
}

std::string written(const Spread& spread, int digits) {
  return fmt::format("{:.{}g} [{:.{}g}, {:.{}g}]", spread.median, digits, spread.least, digits,
                     spread.largest, digits);
}

std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw InputError(fmt::format("cannot run: {}", command));
  std::string text;
  std::array<char, 4096> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    text.append(buffer.data(), got);
  }
  const int status = ::pclose(pipe);
  if (status != 0) throw InputError(fmt::format("failed with status {}: {}", status, command));
  return text;
}

int bench_tokenise(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("model", po::value<std::string>()->value_name("DIR"),
                      "folder of the vocabulary")(
      "glue", po::value<std::string>()->value_name("DIR"), "GLUE's root (else RUNNER_GLUE)")(
      "task", po::value<std::string>()->default_value("SST-2")->value_name("TASK"),
      "its training split")(
      "peer", po::value<std::string>()->value_name("PYTHON"),
      "a Python with the `tokenizers` package, timed on the same texts, alternating");
  bool helped = false;
  const CommandLine line =
      parse(arguments, "runner bench tokenise --model DIR [flags]", flags, helped);
  if (helped) return kDone;
  const data::Task* task = data::find_task(line.get<std::string>("task"));
  if (task == nullptr) throw InputError("command line: --task is not a GLUE task");
  const fs::path root = glue_folder(line);
  const std::string model = model_folder(line).string();
  const std::vector<data::Example> examples = data::read_split(*task, task->train, root);
  const auto once = [&] {
    const Clock::time_point start = Clock::now();
    // A new tokenizer each time: what it remembers of words must not be counted as speed.
    const data::Tokenizer tokenizer = data::Tokenizer::load(model);
    const double loaded = seconds_since(start);
    const data::EncodedSplit split = data::encode(tokenizer, examples, 128);
    return std::pair{seconds_since(start) - loaded, split.ids.size()};
  };
  std::string peer_command;
  if (line.has("peer")) {
    const fs::path texts = fs::temp_directory_path() / "runner_tokenise.txt";
    std::string joined;
    for (const data::Example& example : examples) joined += example.text_a + "\n";
    io::write_file_atomic(texts, joined);
    peer_command = fmt::format(
        "TOKENIZERS_PARALLELISM=false '{}' -c \"import time; from transformers import "
        "AutoTokenizer as A; "
        "t = A.from_pretrained('{}').backend_tokenizer; x = open('{}').read().split('\\n')[:-1]; "
        "s = time.perf_counter(); t.encode_batch(x); print(time.perf_counter() - s)\" 2>/dev/null",
        line.get<std::string>("peer"), model, texts.string());
  }
  std::vector<double> seconds, ratios;
  std::size_t tokens = once().second;  // warms the page cache
  for (int i = 0; i < 5; ++i) {
    seconds.push_back(once().first);
    double peer = 0.0;
    std::string printed = peer_command.empty() ? "" : output_of(peer_command);
    if (!printed.empty() && printed.back() == '\n') printed.pop_back();
    if (io::parse_number(printed, peer)) ratios.push_back(peer / seconds.back());
  }
  const Spread spread = spread_of(seconds);
  print_out("{} {} rows, {} tokens: {} s on one thread, {:.3g} tokens/s\n", examples.size(),
            task->name, tokens, written(spread), static_cast<double>(tokens) / spread.median);
  if (!ratios.empty())
    print_out("times faster than `tokenizers`: {}\n", written(spread_of(ratios)));
  return kDone;
}

int bench_fusion(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("parameters",
                      po::value<std::int64_t>()->default_value(124647170)->value_name("P"),
                      "weights of a snapshot (RoBERTa-base)")(
      "snapshots", po::value<int>()->default_value(10)->value_name("K"), "")(
      "threads", po::value<int>()->default_value(0)->value_name("N"),
      "0: all cores of this process");
  bool helped = false;
  const CommandLine line = parse(arguments, "runner bench fusion [flags]", flags, helped);
  if (helped) return kDone;
  const auto parameters = static_cast<std::size_t>(line.get<std::int64_t>("parameters"));
  const int snapshots = line.get<int>("snapshots");
  const int threads =
      line.get<int>("threads") > 0 ? line.get<int>("threads") : engine().auto_threads();
  engine().set_threads(threads);

  std::vector<std::vector<float>> weights(static_cast<std::size_t>(snapshots));
  for (std::size_t k = 0; k < weights.size(); ++k) {
    weights[k].resize(parameters);
    random::Stream stream(random::derive(0, "bench fusion", k));
    const auto offset = static_cast<float>(stream.uniform());
    for (std::size_t i = 0; i < parameters; ++i)
      weights[k][i] = offset + static_cast<float>(i % 97);
  }
  const fusion::Trajectory trajectory(std::move(weights), fusion::Storage::compact);
  const std::vector<double> alpha(static_cast<std::size_t>(snapshots), 1.0 / snapshots);
  std::vector<float> theta(parameters), copy(parameters);
  const Spread mixing = time_of(7, [&] { trajectory.mix(alpha, theta, threads); });
  const Spread copying = time_of(7, [&] { copy_in_parallel(theta, copy, threads); });
  const auto size = static_cast<double>(parameters);
  // Each difference is read once as bf16, the mean read and theta written as fp32.
  const double mixed = (2.0 * snapshots + 8.0) * size / mixing.median / 1e9;
  const double copied = 8.0 * size / copying.median / 1e9;
  print_out(
      "theta(alpha), K={}, P={}, {} threads: {} s, {:.1f} GB/s; copying memory {:.1f} GB/s; ratio "
      "{:.2f}\n",
      snapshots, parameters, threads, written(mixing), mixed, copied, mixed / copied);
  return kDone;
}

int bench_command(const std::vector<std::string>& arguments) {
  struct Bench {
    std::string_view name, summary;
    int (*run)(const std::vector<std::string>&);
  };
  constexpr std::array<Bench, 6> kBenches = {{
      {"train", "step time, GFLOP/s against its matrix products alone, peak memory", bench_train},
      {"fusion", "forming theta(alpha) against copying memory", bench_fusion},
      {"tokenise", "tokens per second", bench_tokenise},
      {"bo", "regret and seconds per suggestion", bench_bo},
      {"statistics", "how often the tables' intervals hold the truth", bench_statistics},
      {"study", "a whole nested search: seconds by phase, memory, chosen score", bench_study},
  }};
  if (arguments.empty()) {  // all, as they stand
    for (const Bench& bench : kBenches) {
      print_out("{}{}\n", &bench == kBenches.data() ? "" : "\n", bench.name);
      if (const int code = bench.run({}); code != kDone) return code;
    }
    return kDone;
  }
  std::string names;
  for (const Bench& bench : kBenches) {
    if (arguments[0] == bench.name) return bench.run({arguments.begin() + 1, arguments.end()});
    names += fmt::format("  {:<10} {}\n", bench.name, bench.summary);
  }
  if (arguments[0] != "--help" && arguments[0] != "-h") {
    throw InputError(fmt::format("there is no bench '{}', only\n{}", arguments[0], names));
  }
  print_out("usage: runner bench [NAME flags]; without a name, all of\n{}", names);
  return kDone;
}

}  // namespace runner::cli
