// What only a GPU can show; without one every case here says so and passes.
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>

#include <cmath>
#include <thread>

#include "doctest/doctest.h"
#include "setup.hpp"
#include "train/cuda_graph.hpp"
#include "train/evaluate.hpp"
#include "train/gradient_pass.hpp"

using namespace runner;

namespace {

bool has_gpu() {
  if (at::getNumGPUs() > 0) return true;
  MESSAGE("skipped: there is no GPU");
  return false;
}

train::Job gpu_job(const Setup& setup, train::Precision precision) {
  train::prepare_device({0}, true);
  train::Job job = setup.job();
  job.device = {0};
  job.options.precision = precision;
  job.options.ema_decay = 0.9;
  return job;
}

}  // namespace

TEST_CASE("a GPU's run without dropout follows a CPU's") {
  if (!has_gpu()) return;
  const Setup setup;
  for (const auto precision : {train::Precision::fp32, train::Precision::bf16}) {
    const double tolerance = precision == train::Precision::fp32 ? 1e-3 : 5e-2;
    train::Job job = gpu_job(setup, precision);
    job.options.dropout = job.options.attention_dropout = job.options.head_dropout = 0.0;
    job.options.lr = 1e-4;
    const train::Result gpu = train::finetune(job);
    job.device = {};
    const train::Result cpu = train::finetune(job);
    CHECK(gpu.status == cpu.status);
    CHECK(gpu.examples == cpu.examples);
    REQUIRE(gpu.curve.size() == cpu.curve.size());
    for (std::size_t i = 0; i < gpu.curve.size(); ++i) {
      CHECK(gpu.curve[i].loss == doctest::Approx(cpu.curve[i].loss).epsilon(tolerance));
      CHECK(gpu.curve[i].grad_norm == doctest::Approx(cpu.curve[i].grad_norm).epsilon(tolerance));
    }
    REQUIRE(gpu.snapshots.size() == cpu.snapshots.size());
    for (std::size_t i = 0; i < gpu.snapshots.size(); ++i)
      CHECK(distance(gpu.snapshots[i], cpu.snapshots[i]) < 3e-3);

    train::Evaluator there(setup.config, 2, {0}), here(setup.config, 2, {});
    for (const auto& weights : {gpu.snapshots.front(), gpu.snapshots.back()}) {
      there.load(weights);
      here.load(weights);
      const std::vector<float> a = there.score(setup.data).logits,
                               b = here.score(setup.data).logits;
      CHECK(distance(a, b) < 1e-3);
    }
  }
}

TEST_CASE("a GPU's graphs follow its operators, and resume to the bit") {
  if (!has_gpu()) return;
  if (!train::has_cuda_graphs()) {
    MESSAGE("skipped: this build has no CUDA graphs");
    return;
  }
  const Setup setup;
  for (const auto precision : {train::Precision::fp32, train::Precision::bf16}) {
    train::Job job = gpu_job(setup, precision);
    job.options.batch_size = 12;
    job.options.accumulation = 2;
    job.options.dropout = job.options.attention_dropout = job.options.head_dropout = 0.0;
    job.options.lr = 1e-4;
    const train::Result graphs = train::finetune(job);
    CAPTURE(static_cast<int>(precision));
    INFO(graphs.no_graphs);
    CHECK(graphs.graphs > 2);
    job.graphs = false;
    const train::Result operators = train::finetune(job);
    CHECK(operators.graphs == 0);
    CHECK(graphs.flops == operators.flops);
    const double tolerance = precision == train::Precision::fp32 ? 1e-3 : 5e-2;
    for (std::size_t i = 0; i < graphs.curve.size(); ++i)
      CHECK(graphs.curve[i].loss == doctest::Approx(operators.curve[i].loss).epsilon(tolerance));

    job = gpu_job(setup, precision);
    const train::Result whole = train::finetune(job);
    job.checkpoint = fresh_folder("runner_graphs_resume_test");
    job.should_stop = [asked = 0]() mutable { return ++asked == 5; };
    CHECK(train::finetune(job).status == train::Status::interrupted);
    job.should_stop = nullptr;
    check_same_bits(run_of(job), whole);
  }
}

TEST_CASE("a GPU's graph drops what its key says, and a step's second adds to the first") {
  if (!has_gpu() || !train::has_cuda_graphs()) return;
  const c10::InferenceMode guard;
  const Setup setup;
  for (const auto precision : {train::Precision::fp32, train::Precision::bf16}) {
    const train::Job job = gpu_job(setup, precision);
    train::use_own_stream(job.device);
    model::NetworkOptions options;
    options.device = at::Device(at::kCUDA, 0);
    options.bf16 = precision == train::Precision::bf16;
    options.gradients = true;
    model::Network network(job.config, job.classes, options);
    std::vector<float> weights = setup.weights;
    network.set_weights(
        at::from_blob(weights.data(), {static_cast<std::int64_t>(weights.size())}, at::kFloat)
            .to(options.device));
    network.refresh_products();
    train::GradientPass pass(job, network);
    CAPTURE(static_cast<int>(precision));
    INFO(pass.no_graphs());
    REQUIRE(pass.graphs() == 1);
    const auto run = [&](std::uint64_t key, int times) {
      model::PackedBatch batch;
      for (int row = 0; row < 4; ++row) {
        batch.add_row(setup.config, setup.data.row_ids(row), setup.data.row_types(row));
        batch.labels.push_back(setup.data.labels[static_cast<std::size_t>(row)]);
      }
      network.begin_step({});
      double loss = 0.0;
      for (int i = 0; i < times; ++i) loss = pass.add(batch, key, 4, i == 0).item<double>();
      return std::pair(loss, network.gradients_from(network.segments()[1]).norm().item<double>());
    };
    const auto once = run(1, 1);
    CHECK(run(2, 1) != once);
    CHECK(run(1, 1) == once);
    CHECK(run(1, 2).first == once.first);
    CHECK(run(1, 2).second == doctest::Approx(2.0 * once.second).epsilon(1e-3));
    CHECK(pass.graphs() == 3);
  }
}

TEST_CASE("a GPU's runs give the same bits again, alone or side by side") {
  if (!has_gpu()) return;
  const Setup setup;
  for (const auto precision : {train::Precision::fp32, train::Precision::bf16}) {
    const train::Job job = gpu_job(setup, precision);
    const train::Result alone = train::finetune(job);
    std::vector<train::Result> results(3);
    {
      std::vector<std::jthread> threads;
      for (train::Result& result : results)
        threads.emplace_back([&] {
          train::use_own_stream(job.device);
          result = train::finetune(job);
        });
    }
    for (const train::Result& result : results) {
      CHECK(result.snapshots == alone.snapshots);
      CHECK(result.ema == alone.ema);
      REQUIRE(result.curve.size() == alone.curve.size());
      for (std::size_t i = 0; i < alone.curve.size(); ++i)
        CHECK(result.curve[i].loss == alone.curve[i].loss);
    }
  }
}

TEST_CASE("a GPU's run that diverges says so and has no snapshots") {
  if (!has_gpu()) return;
  const Setup setup;
  train::Job job = gpu_job(setup, train::Precision::bf16);
  job.options.max_grad_norm = 0.0;
  job.options.warmup = 0.0;
  job.options.lr = 1e20;
  const train::Result result = train::finetune(job);
  CHECK(result.status == train::Status::diverged);
  CHECK(result.curve.size() < 12);
  CHECK(result.snapshots.empty());
}
