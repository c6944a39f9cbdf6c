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

#include "model/network_products.hpp"
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
// forward, by its input's gradient and by its weight's.
class Products {
 public:
  Products(const model::EncoderConfig& config, at::TensorOptions options, std::int64_t tokens,
           std::int64_t rows) {
    const std::int64_t hidden = config.hidden_size, inner = config.intermediate_size;
    const auto add = [&](std::int64_t n, std::int64_t out, std::int64_t in, int times) {
      const auto matrix = [&](std::int64_t columns) {
        return at::randn({model::round_up_rows(n), columns}, options).narrow(0, 0, n);
      };
      shapes_.push_back({matrix(in), at::randn({out, in}, options), matrix(out), matrix(in),
                         at::randn({out, in}, options), times});
    };
    add(tokens, 3 * hidden, hidden, config.layers - 1);
    add(tokens, hidden, hidden, config.layers - 1);
    add(tokens, inner, hidden, config.layers - 1);
    add(tokens, hidden, inner, config.layers - 1);
    // The last layer has keys and values of every token, all else of each sequence's first.
    add(tokens, 2 * hidden, hidden, 1);
    add(rows, hidden, hidden, 2);
    add(rows, inner, hidden, 1);
    add(rows, hidden, inner, 1);
  }

  double run() {
    double flops = 0.0;
    for (Shape& shape : shapes_)
      for (int i = 0; i < shape.times; ++i) {
        model::multiply_rows(shape.y, shape.x, shape.weight.t());
        model::multiply_rows(shape.dx, shape.y, shape.weight);
        model::multiply_over_rows(shape.dweight, shape.y, shape.x);
        flops +=
            6.0 * static_cast<double>(shape.x.size(0)) * static_cast<double>(shape.weight.numel());
      }
    return flops;
  }

 private:
  struct Shape {
    at::Tensor x, weight, y, dx, dweight;
    int times;
  };
  std::vector<Shape> shapes_;
};

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
  std::vector<double> seconds;
  for (std::size_t i = kWarmUp; i < times.size(); ++i)
    seconds.push_back(std::chrono::duration<double>(times[i] - times[i - 1]).count());

  speed.steps = static_cast<std::int64_t>(seconds.size());
  double total = 0.0;
  for (const double value : seconds) total += value;
  const double share = static_cast<double>(seconds.size()) / static_cast<double>(times.size());
  speed.step_seconds = median(seconds);
  speed.tokens_per_second = share * static_cast<double>(result.tokens) / total;
  speed.examples_per_second = share * static_cast<double>(result.examples) / total;
  speed.gflop_per_second = share * result.flops / total * 1e-9;
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  speed.peak_bytes = std::int64_t{usage.ru_maxrss} * 1024;

  const c10::InferenceMode guard;
  at::TensorOptions options = at::kFloat;
  if (job.options.precision == Precision::bf16) options = options.dtype(at::kBFloat16);
  if (!job.device.is_cpu())
    options = options.device(at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(job.device.cuda)));
  const auto taken = static_cast<std::int64_t>(result.curve.size());
  Products products(job.config, options, result.tokens / taken, result.examples / taken);
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
