#include "train/bench.hpp"

#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "data/batches.hpp"
#include "model/network_products.hpp"
#include "train/at_device.hpp"
#include "train/evaluate.hpp"

namespace runner::train {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

// Seconds since this process was started: proc(5), field 22 of its stat, in ticks since boot.
double process_age() {
  std::ifstream file("/proc/self/stat");
  file.ignore(std::numeric_limits<std::streamsize>::max(), ')');  // the name may hold spaces
  std::string field;
  for (int i = 3; i <= 22; ++i) file >> field;
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) -
         std::stod(field) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// The encoder layers' products with their weights in a step of `tokens` in `rows` sequences, each
// forward, by its input's gradient and by its weight's: in a step's order and on as many matrices.
class Products {
 public:
  Products(const model::EncoderConfig& config, at::TensorOptions options, std::int64_t tokens,
           std::int64_t rows) {
    const std::int64_t hidden = config.hidden_size, inner = config.intermediate_size;
    const auto add = [&](std::int64_t n, std::int64_t out, std::int64_t in) {
      const auto matrix = [&](std::int64_t columns) {
        return at::randn({model::round_up_rows(n), columns}, options).narrow(0, 0, n);
      };
      products_.push_back({matrix(in), at::randn({out, in}, options), matrix(out), matrix(in),
                           at::randn({out, in}, options)});
    };
    for (int layer = 0; layer < config.layers; ++layer) {
      // The last layer has keys and values of every token, all else of each sequence's first.
      const bool last = layer + 1 == config.layers;
      if (last) add(rows, hidden, hidden);
      add(tokens, last ? 2 * hidden : 3 * hidden, hidden);
      add(last ? rows : tokens, hidden, hidden);
      add(last ? rows : tokens, inner, hidden);
      add(last ? rows : tokens, hidden, inner);
    }
  }

  // Multiply-adds times 2.
  double run() {
    double flops = 0.0;
    for (Product& product : products_)
      model::multiply_rows(product.y, product.x, product.weight.t());
    for (auto product = products_.rbegin(); product != products_.rend(); ++product) {
      model::multiply_rows(product->dx, product->y, product->weight);
      model::multiply_over_rows(product->dweight, product->y, product->x);
      flops += 6.0 * static_cast<double>(product->x.size(0)) *
               static_cast<double>(product->weight.numel());
    }
    return flops;
  }

 private:
  struct Product {
    at::Tensor x, weight, y, dx, dweight;
  };
  std::vector<Product> products_;
};

// Tokens of a job's first steps; with group_by_length the very first has the longest row.
std::int64_t first_tokens(const Job& job, int steps) {
  const std::vector<int> lengths = job.data->lengths();
  const auto batches = data::training_batches(lengths, job.options.batch_size, job.seed, 0,
                                              job.options.group_by_length);
  std::int64_t tokens = 0;
  for (int step = 0; step < steps; ++step)
    for (const int row : batches.at(static_cast<std::size_t>(step)))
      tokens += lengths[static_cast<std::size_t>(row)];
  return tokens;
}

}  // namespace

TrainingSpeed measure_training(Job job, int steps) {
  prepare_device(job.device, /*deterministic=*/true);  // as a spec does
  constexpr int kWarmUp = 2;
  job.options.max_steps = steps + kWarmUp;
  job.options.snapshots = 1;
  std::vector<Clock::time_point> times;
  TrainingSpeed speed;
  job.on_step = [&](const StepRecord&) {
    if (times.empty()) speed.first_step_seconds = process_age();
    times.push_back(Clock::now());
  };
  const Result result = finetune(job);
  speed.steps = static_cast<std::int64_t>(times.size()) - kWarmUp;
  const double total = std::chrono::duration<double>(times.back() - times[kWarmUp - 1]).count();
  const std::int64_t tokens = result.tokens - first_tokens(job, kWarmUp);
  const std::int64_t examples = result.examples - kWarmUp * job.options.batch_size;
  speed.step_seconds = total / static_cast<double>(speed.steps);
  speed.tokens_per_second = static_cast<double>(tokens) / total;
  speed.examples_per_second = static_cast<double>(examples) / total;
  // FLOPs go with tokens but for attention, a few per cent of them.
  speed.gflop_per_second = result.flops * static_cast<double>(tokens) /
                           static_cast<double>(result.tokens) / total * 1e-9;
  speed.graphs = result.graphs;
  speed.no_graphs = result.no_graphs;
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  speed.peak_bytes = std::int64_t{usage.ru_maxrss} * 1024;

  const c10::InferenceMode guard;
  at::TensorOptions options = at::kFloat;
  if (job.options.precision == Precision::bf16) options = options.dtype(at::kBFloat16);
  options = options.device(at_device(job.device));
  Products products(job.config, options, tokens / speed.steps, examples / speed.steps);
  std::vector<double> product_seconds;
  double flops = 0.0;
  wait_for(job.device);
  for (int i = 0; i < 5; ++i) {
    const auto start = Clock::now();
    flops = products.run();
    wait_for(job.device);
    product_seconds.push_back(seconds_since(start));
  }
  speed.product_seconds = median(product_seconds);
  speed.product_gflop_per_second = flops / speed.product_seconds * 1e-9;
  return speed;
}

double measure_evaluation(const Job& job, const data::EncodedSplit& split) {
  const auto start = Clock::now();
  Evaluator evaluator(job.config, job.classes, job.device, job.options.precision);
  evaluator.load(job.weights);
  evaluator.score(split);
  return seconds_since(start);
}

}  // namespace runner::train
