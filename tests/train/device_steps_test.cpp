// Training as on a GPU, on a CPU: the same operators, and steps whose values arrive late.
#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <limits>

#include "doctest/doctest.h"
#include "model/network.hpp"
#include "setup.hpp"
#include "train/host_copy.hpp"
#include "train/loss.hpp"
#include "train/optimizer.hpp"

using namespace runner;

namespace {

void check_same_steps(const train::Result& run, const train::Result& kernels) {
  CHECK(run.status == kernels.status);
  CHECK(run.examples == kernels.examples);
  CHECK(run.tokens == kernels.tokens);
  CHECK(run.flops == kernels.flops);
  REQUIRE(run.curve.size() == kernels.curve.size());
  for (std::size_t i = 0; i < run.curve.size(); ++i) {
    CHECK(run.curve[i].step == kernels.curve[i].step);
    CHECK(run.curve[i].learning_rate == kernels.curve[i].learning_rate);
    CHECK(run.curve[i].loss == doctest::Approx(kernels.curve[i].loss).epsilon(1e-5));
    CHECK(run.curve[i].grad_norm == doctest::Approx(kernels.curve[i].grad_norm).epsilon(1e-4));
  }
  REQUIRE(run.snapshots.size() == kernels.snapshots.size());
  for (std::size_t i = 0; i < run.snapshots.size(); ++i)
    CHECK(distance(run.snapshots[i], kernels.snapshots[i]) < 1e-4);
  CHECK(distance(run.ema, kernels.ema) < 1e-4);
}

}  // namespace

TEST_CASE("steps as on a GPU, by operators or by graphs, are those of the kernels") {
  const Setup setup;
  for (const int accumulation : {1, 5}) {
    for (const int frozen : {0, 1}) {
      CAPTURE(accumulation);
      CAPTURE(frozen);
      train::Job job = setup.job();
      job.options.batch_size = 12;  // every second batch has 4 rows
      job.options.weight_decay = 0.1;
      job.options.ema_decay = 0.9;
      job.options.accumulation = accumulation;
      job.options.frozen_layers = frozen;
      job.options.frozen_dropout = accumulation == 1;
      job.options.max_grad_norm = 0.5;  // some steps are clipped
      const train::Result kernels = train::finetune(job);
      CHECK(kernels.graphs == 0);
      job.reference_ops = true;
      const train::Result graphs = train::finetune(job);
      // The trial's; of 12 rows and of 4 by themselves, or in parts: the first of 2 and later ones
      // of 2 and 3, the first of 1 and later ones of 1. None above outputs that are kept.
      const bool kept = frozen > 0 && !job.options.frozen_dropout;
      CHECK(graphs.graphs == (kept ? 0 : accumulation == 1 ? 3 : 6));
      check_same_steps(graphs, kernels);
      job.graphs = false;
      const train::Result operators = train::finetune(job);
      CHECK(operators.graphs == 0);
      check_same_steps(operators, kernels);
    }
  }
}

TEST_CASE("batches that keep a GPU busy make no graphs") {
  Setup setup;
  setup.data = sentences(800, 5);
  train::Job job = setup.job();
  job.reference_ops = true;
  job.options.batch_size = 800;
  job.options.max_steps = 1;
  job.options.snapshots = 1;
  CHECK(train::finetune(job).graphs == 0);
}

TEST_CASE("as on a GPU a tiny model learns by heart in bf16") {
  const Setup setup;
  train::Job job = setup.job();
  job.options.max_steps = 300;
  job.options.batch_size = 16;
  job.options.lr = 3e-3;
  job.options.precision = train::Precision::bf16;
  job.reference_ops = true;
  const train::Result result = train::finetune(job);
  CHECK(result.status == train::Status::ok);
  CHECK(result.curve.back().loss < 0.02);
}

TEST_CASE("as on a GPU a run that diverges ends with the step that did") {
  const Setup setup;
  train::Job job = setup.job();
  job.options.max_grad_norm = 0.0;
  job.options.warmup = 0.0;
  job.options.lr = 1e20;
  const train::Result kernels = train::finetune(job);
  REQUIRE(kernels.status == train::Status::diverged);
  job.reference_ops = true;
  std::size_t reported = 0;
  job.on_step = [&](const train::StepRecord& record) {
    CHECK(std::isfinite(record.loss));
    CHECK(record.step == static_cast<std::int64_t>(++reported));
  };
  const train::Result aten = train::finetune(job);
  CHECK(aten.status == train::Status::diverged);
  CHECK(aten.curve.size() == kernels.curve.size());
  CHECK(aten.examples == kernels.examples);
  CHECK(aten.tokens == kernels.tokens);
  CHECK(aten.snapshots.empty());
  CHECK(aten.ema.empty());
  CHECK(reported + 1 == aten.curve.size());
}

TEST_CASE("as on a GPU a run interrupted and resumed gives the same bits") {
  const Setup setup;
  train::Job job = setup.job();
  job.reference_ops = true;
  job.options.ema_decay = 0.9;
  const train::Result whole = train::finetune(job);
  for (std::int64_t stop = 1; stop < 11; ++stop) {
    CAPTURE(stop);
    job.checkpoint = fresh_folder("runner_device_resume_test");
    std::int64_t asked = 0;
    job.should_stop = [&] { return ++asked == stop; };
    const train::Result part = train::finetune(job);
    CHECK(part.status == train::Status::interrupted);
    CHECK(part.curve.size() == static_cast<std::size_t>(stop));
    job.should_stop = nullptr;
    check_same_bits(run_of(job), whole);
  }
}

TEST_CASE(
    "a step whose gradient or loss is not finite leaves the weights as they were, and the next") {
  const Setup setup;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const bool aten : {false, true}) {
    for (const bool in_gradient : {false, true}) {
      CAPTURE(aten);
      CAPTURE(in_gradient);
      model::NetworkOptions options;
      options.gradients = true;
      options.reference_ops = aten;
      model::Network network(setup.config, 2, options);
      std::vector<float> room = setup.weights;
      const at::Tensor weights =
          at::from_blob(room.data(), {static_cast<std::int64_t>(room.size())}, at::kFloat);
      network.set_weights(weights);
      train::Optimizer optimizer(network, weights, setup.job().options);
      model::PackedBatch batch;
      batch.add_row(setup.config, setup.data.row_ids(0), setup.data.row_types(0));
      std::vector<std::int32_t> words(batch.ids);
      std::ranges::sort(words);
      words.erase(std::ranges::unique(words).begin(), words.end());
      const auto step = [&](bool poisoned) {
        optimizer.catch_up(words);
        network.begin_step(words);
        const train::BatchLoss loss = train::batch_loss(network.forward(batch, model::TrainPass{}),
                                                        at::tensor({1.0F}), 1.0, 1.0);
        network.backward(loss.dlogits);
        if (poisoned && in_gradient)
          network.gradient(network.segments().back()).narrow(0, 0, 1).fill_(nan);
        const at::Tensor value =
            poisoned && !in_gradient ? at::scalar_tensor(double{nan}, at::kDouble) : loss.sum;
        optimizer.step(1e-2, value, optimizer.gradient_norm());
      };
      step(false);
      optimizer.catch_up();
      const std::vector<float> before = room;
      CHECK(before != setup.weights);
      step(true);
      step(false);
      optimizer.catch_up();
      CHECK(room == before);
    }
  }
}

TEST_CASE("a CPU's tensor is its own host copy") {
  const at::Tensor values = at::tensor({1.0, 2.0}, at::kDouble);
  train::HostCopy copy(values);
  CHECK(copy.wait().data_ptr() == values.data_ptr());
  CHECK(train::copy_later(at::tensor({3.0F, 4.0F})).get() == std::vector<float>{3.0F, 4.0F});
}
