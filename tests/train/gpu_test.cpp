// What only a GPU can show; without one every case here says so and passes.
#include <ATen/Context.h>

#include <thread>

#include "doctest/doctest.h"
#include "setup.hpp"
#include "train/evaluate.hpp"

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
