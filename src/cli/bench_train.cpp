// The verb bench train: what a training step costs here, and against Hugging Face's Trainer.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/program_options/value_semantic.hpp>
#include <filesystem>

#include "cli/bench.hpp"
#include "cli/engine.hpp"
#include "cli/options.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "data/cache.hpp"
#include "data/tasks.hpp"
#include "io/error.hpp"
#include "io/json.hpp"
#include "model/checkpoint.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

// A step of the peer is the difference of a long and a short run, so that what it does once does
// not count.
struct PeerSpeed {
  double step_seconds = 0.0;
  double evaluation_seconds = 0.0;  // of the whole dev split
  double peak_bytes = 0.0;
};

PeerSpeed peer_speed(const std::string& command, int steps) {
  constexpr int kShort = 5;
  const auto run = [&](int count, std::string_view also) {
    const std::string printed =
        output_of(fmt::format("{} --max-steps {}{} 2>/dev/null", command, count, also));
    // The Trainer prints lines of its own; the last one is the peer's.
    const std::size_t at = printed.rfind("{\"task\"");
    if (at == std::string::npos) throw InputError("the peer printed no result: " + command);
    return io::parse_json(printed.substr(at), "what the peer printed");
  };
  const io::Json few = run(kShort, " --eval"), many = run(kShort + steps, "");
  return {(many.at("train_s").get<double>() - few.at("train_s").get<double>()) / steps,
          few.at("eval_s").get<double>(), many.at("peak_rss_mb").get<double>() * 1048576.0};
}

}  // namespace

int bench_train(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()(
      "model", po::value<std::string>()->value_name("DIR"),
      "Hugging Face folder (default: minilm-roberta below RUNNER_MODELS, else data/tiny_roberta)")(
      "random", "random weights: config.json and the vocabulary are enough")(
      "glue", po::value<std::string>()->value_name("DIR"), "GLUE's root (else RUNNER_GLUE)")(
      "task", po::value<std::string>()->default_value("MRPC")->value_name("TASK"), "")(
      "batch", po::value<int>()->default_value(16)->value_name("N"), "rows per step")(
      "fp32", "single precision, not bf16")("no-group", "random batches, not of similar length")(
      "steps", po::value<int>()->default_value(30)->value_name("N"), "measured steps")(
      "rounds", po::value<int>()->default_value(3)->value_name("N"), "repetitions, alternating")(
      "threads", po::value<int>()->default_value(0)->value_name("N"),
      "0: all cores of this process")(
      "device", po::value<std::string>()->default_value("cpu")->value_name("NAME"), "")(
      "peer-defaults", "the peer in fp32 with random batches, whatever ours is");
  add_peer_flags(flags, "transformers", "hf_finetune.py", "the same work, alternating");
  bool helped = false;
  const CommandLine line = parse(arguments, "runner bench train [flags]", flags, helped);
  if (helped) return kDone;
  const fs::path model = model_folder(line);
  const fs::path glue = glue_folder(line);
  const data::Task* task = data::find_task(line.get<std::string>("task"));
  if (task == nullptr || task->train.path.empty()) {
    throw InputError(fmt::format("--task: '{}' is not a GLUE task with a training split",
                                 line.get<std::string>("task")));
  }
  const int steps = line.get<int>("steps"), rounds = line.get<int>("rounds");
  const int batch = line.get<int>("batch");
  if (steps < 1 || rounds < 1 || batch < 1) {
    throw InputError("command line: --steps, --rounds and --batch must be at least 1");
  }

  const std::jthread loading = load_engine_ahead();
  const data::Tokenizer tokenizer = data::Tokenizer::load(model);
  const fs::path cache =
      fs::temp_directory_path() / fmt::format("runner_bench_tokens_{}", ::getuid());
  const data::EncodedSplit split =
      data::load_split(*task, task->train, glue, tokenizer, 128, cache);
  const data::EncodedSplit dev =
      data::load_split(*task, task->dev.front(), glue, tokenizer, 128, cache);
  const auto read_start = [&] {
    return line.has("random") ? model::random_checkpoint(model, task->labels, 0)
                              : model::load_checkpoint(model, task->labels);
  };
  std::vector<float> start = read_start().weights;
  const lab::Engine& compute = engine();
  const int threads =
      line.get<int>("threads") > 0 ? line.get<int>("threads") : compute.auto_threads();
  compute.set_threads(threads);
  train::Job job{.config = model::read_config(model),
                 .classes = task->classes(),
                 .fresh_head = true,
                 .data = &split,
                 .options = {},
                 .device = compute.resolve_device(line.get<std::string>("device"))};
  job.options.batch_size = batch;
  job.options.weight_decay = 0.1;
  job.options.precision = line.has("fp32") ? train::Precision::fp32 : train::Precision::bf16;
  job.options.group_by_length = !line.has("no-group");

  std::string command;
  if (line.has("peer")) {
    const bool defaults = line.has("peer-defaults");
    command = fmt::format(
        "'{}' '{}' --glue '{}' --task {} --model '{}' --batch {} --threads {}{}{}{}{}",
        line.get<std::string>("peer"), (peers_folder(line) / "hf_finetune.py").string(),
        glue.string(), task->name, model.string(), batch, threads,
        defaults || line.has("fp32") ? "" : " --bf16",
        defaults || line.has("no-group") ? "" : " --group",
        line.has("random") ? " --random-init" : "", job.device.is_cpu() ? "" : " --device cuda");
  }
  std::vector<double> seconds, gflops, products, product_gflops, evaluations;
  std::vector<double> peer_seconds, ratios, peer_evaluations, evaluation_ratios;
  double peak = 0.0, peer_peak = 0.0, first_step = 0.0;
  train::TrainingSpeed speed;
  for (int round = 0; round < rounds; ++round) {
    job.seed = static_cast<std::uint64_t>(round);
    if (round > 0) start = read_start().weights;
    job.weights = start;
    job.on_loaded = [&start] { start = std::vector<float>(); };  // `= {}` would keep its memory
    speed = compute.measure_training(job, steps);
    seconds.push_back(speed.step_seconds);
    gflops.push_back(speed.gflop_per_second);
    products.push_back(speed.step_seconds / speed.product_seconds);
    product_gflops.push_back(speed.product_gflop_per_second);
    if (round == 0) {
      first_step = speed.first_step_seconds;
      peak = static_cast<double>(speed.peak_bytes);  // of training: nothing is evaluated yet
    }
    start = read_start().weights;
    job.weights = start;
    evaluations.push_back(compute.measure_evaluation(job, dev));
    if (command.empty()) continue;
    const PeerSpeed peer = peer_speed(command, steps);
    peer_seconds.push_back(peer.step_seconds);
    peer_peak = peer.peak_bytes;
    ratios.push_back(peer.step_seconds / seconds.back());
    peer_evaluations.push_back(peer.evaluation_seconds);
    evaluation_ratios.push_back(peer.evaluation_seconds / evaluations.back());
  }
  print_out("{} {}, batch {}, {}, {} threads, {} steps x {} rounds: median [least, largest]\n",
            model.filename().string(), task->name, batch, line.has("fp32") ? "fp32" : "bf16",
            threads, steps, rounds);
  print_out("  step                    {} s\n", written(spread_of(seconds)));
  if (!job.device.is_cpu()) {
    print_out(
        "  launched                by {}{}{}\n",
        speed.graphs > 0 ? fmt::format("{} CUDA graphs", speed.graphs) : "one operator at a time",
        speed.no_graphs.empty() ? "" : ": ", speed.no_graphs);
  }
  print_out("  matrix rate             {} GFLOP/s; its products alone {} GFLOP/s\n",
            written(spread_of(gflops)), written(spread_of(product_gflops)));
  print_out("  step / its products     {}\n", written(spread_of(products)));
  print_out("  peak memory             {:.0f} MB\n", peak / 1e6);
  print_out("  process start to step 1 {:.2f} s{}\n", first_step,
            line.has("random") ? ", making random weights included" : "");
  print_out("  evaluating dev          {} s for {} rows\n", written(spread_of(evaluations)),
            dev.rows());
  if (!ratios.empty()) {
    print_out("  peer's step             {} s, peak memory {:.0f} MB, evaluation {} s\n",
              written(spread_of(peer_seconds)), peer_peak / 1e6,
              written(spread_of(peer_evaluations)));
    print_out("  times faster than peer  {}, evaluation {}; memory ratio {:.2f}\n",
              written(spread_of(ratios)), written(spread_of(evaluation_ratios)), peak / peer_peak);
  }
  return kDone;
}

}  // namespace runner::cli
