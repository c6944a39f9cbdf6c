#include "train/finetune.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>

#include "doctest/doctest.h"
#include "io/error.hpp"
#include "model/checkpoint.hpp"
#include "random/philox.hpp"
#include "setup.hpp"
#include "train/evaluate.hpp"

using namespace runner;
namespace fs = std::filesystem;

TEST_CASE("a tiny model learns 16 sentences by heart, in fp32 and in bf16") {
  const Setup setup;
  for (const auto precision : {train::Precision::fp32, train::Precision::bf16}) {
    train::Job job = setup.job();
    job.options.max_steps = 300;
    job.options.batch_size = 16;
    job.options.lr = 3e-3;
    job.options.precision = precision;
    const train::Result result = train::finetune(job);
    CHECK(result.status == train::Status::ok);
    CHECK(result.curve.back().loss < 0.02);
    CHECK(result.examples == 300 * 16);

    train::Evaluator evaluator(setup.config, 2, {});
    evaluator.load(result.snapshots.back());
    const train::Scored scored = evaluator.score(setup.data);
    CHECK(scored.mean_loss < 0.02);
    for (int row = 0; row < 16; ++row) {
      const auto index = static_cast<std::size_t>(row);
      const bool one = scored.logits[2 * index + 1] > scored.logits[2 * index];
      CHECK(one == (setup.data.labels[index] == 1.0F));
    }
  }
}

TEST_CASE("a run with a weight that is not finite ends as diverged") {
  Setup setup;
  const model::Layout layout = model::make_layout(setup.config, 2);
  setup.weights[static_cast<std::size_t>(
      layout.find("roberta.encoder.layer.0.output.dense.weight").offset)] =
      std::numeric_limits<float>::quiet_NaN();
  const train::Result result = train::finetune(setup.job());
  CHECK(result.status == train::Status::diverged);
  CHECK(result.why.find("step 1") != std::string::npos);
  CHECK(result.snapshots.empty());
  CHECK(result.curve.size() == 1);
}

TEST_CASE("a run whose labels cannot be learnt is reported as collapsed") {
  Setup setup;
  train::Job job = setup.job();
  job.options.lr = 0.0;
  const train::Result result = train::finetune(job);
  CHECK(result.status == train::Status::collapsed);
  CHECK(result.snapshots.size() == 3);
}

TEST_CASE("interrupted at any step and resumed, a run gives the same bits") {
  const Setup setup;
  for (const auto precision : {train::Precision::fp32, train::Precision::bf16}) {
    train::Job job = setup.job();
    job.options.weight_decay = 0.1;
    job.options.ema_decay = 0.9;
    job.options.precision = precision;
    const train::Result whole = train::finetune(job);
    REQUIRE(whole.snapshots.size() == 3);
    for (std::int64_t stop = 1; stop < 12; ++stop) {
      CAPTURE(stop);
      job.checkpoint = fresh_folder("runner_resume_test");
      std::int64_t step = 0;
      job.on_step = [&](const train::StepRecord& record) { step = record.step; };
      job.should_stop = [&] { return step == stop; };
      const train::Result part = train::finetune(job);
      CHECK(part.status == train::Status::interrupted);
      CHECK(part.curve.size() == static_cast<std::size_t>(stop));
      job.should_stop = nullptr;
      check_same_bits(run_of(job), whole);
      // What it left answers the same again without a step, until the caller removes it.
      step = 0;
      check_same_bits(run_of(job), whole);
      CHECK(step == 0);
    }
  }
}

TEST_CASE("stopped at 50 random steps, one after another, a run gives the same bits") {
  const Setup setup;
  for (const auto precision : {train::Precision::fp32, train::Precision::bf16}) {
    train::Job job = setup.job();
    job.options.max_steps = 200;
    job.options.accumulation = 2;
    job.options.frozen_layers = 1;
    job.options.frozen_dropout = false;  // their outputs are kept
    job.options.schedule = train::Schedule::cosine;
    job.options.snapshots = 10;
    job.options.precision = precision;
    const train::Result whole = train::finetune(job);

    std::set<std::int64_t> stops;
    random::Stream stream(random::derive(3, "stops"));
    while (stops.size() < 50) stops.insert(1 + static_cast<std::int64_t>(stream.below(199)));
    job.checkpoint = fresh_folder("runner_random_stops_test");
    std::int64_t step = 0;
    job.on_step = [&](const train::StepRecord& record) { step = record.step; };
    job.should_stop = [&] { return stops.erase(step) > 0; };
    int parts = 1;
    train::Result result = train::finetune(job);
    for (; result.status == train::Status::interrupted; ++parts) {
      result = train::finetune(job);
    }
    CHECK(parts == 51);
    train::load_snapshots(job.checkpoint, result);
    check_same_bits(result, whole);
  }
}

TEST_CASE("embedding rows that wait are caught up with to the bit") {
  const Setup setup;
  train::Job job = setup.job();
  job.options.max_steps = 40;
  job.options.weight_decay = 0.1;
  const train::Result lazy = train::finetune(job);
  job.options.ema_decay = 0.5;  // reads all weights after every step
  const train::Result eager = train::finetune(job);
  CHECK(lazy.snapshots == eager.snapshots);
}

TEST_CASE("progress of another job or a damaged one is not taken up") {
  const Setup setup;
  train::Job job = setup.job();
  const train::Result whole = train::finetune(job);
  job.checkpoint = fresh_folder("runner_other_progress_test");
  job.should_stop = [] { return true; };
  job.seed = 12;
  CHECK(train::finetune(job).curve.size() == 1);
  job.should_stop = nullptr;
  job.seed = 11;
  CHECK(run_of(job).snapshots == whole.snapshots);

  fs::remove_all(job.checkpoint);
  job.should_stop = [] { return true; };
  CHECK(train::finetune(job).curve.size() == 1);
  fs::resize_file(job.checkpoint / "progress", fs::file_size(job.checkpoint / "progress") - 1);
  job.should_stop = nullptr;
  CHECK(run_of(job).snapshots == whole.snapshots);
}

TEST_CASE("threads do not change a run's bits") {
  Setup setup;
  setup.config.hidden_size = 64;
  setup.config.intermediate_size = 320;
  setup.config.heads = 2;  // of 32 columns each, as bf16's fast attention asks
  setup.weights = tiny_weights(setup.config, 2);
  setup.data = sentences(200, 5);
  for (const auto precision : {train::Precision::fp32, train::Precision::bf16}) {
    train::Job job = setup.job();
    job.options.precision = precision;
    job.options.batch_size = 33;
    job.options.ema_decay = 0.9;
    const auto run = [&](int threads) {
      train::set_threads(threads);
      train::Result result = train::finetune(job);
      train::Evaluator evaluator(setup.config, 2, {}, precision);
      evaluator.load(result.snapshots.back());
      return std::pair(std::move(result), evaluator.score(setup.data).logits);
    };
    const auto [one, logits] = run(1);
    for (const int threads : {2, 3, 4, 7}) {
      CAPTURE(threads);
      const auto [many, same_logits] = run(threads);
      check_same_bits(many, one);
      CHECK(same_logits == logits);
    }
  }
  train::set_threads(2);
}

TEST_CASE("a hundred runs in one process leave no memory behind") {
  const Setup setup;
  train::Job job = setup.job();
  job.options.precision = train::Precision::bf16;
  const auto run = [&](int times) {
    for (int i = 0; i < times; ++i) {
      const train::Result result = train::finetune(job);
      train::Evaluator evaluator(setup.config, 2, {}, train::Precision::bf16);
      evaluator.load(result.snapshots.back());
      evaluator.score(setup.data);
    }
    // proc(5): pages in all, pages in memory, those of them that are a file's, which come and go.
    std::ifstream file("/proc/self/statm");
    std::int64_t pages = 0, of_files = 0;
    file >> pages >> pages >> of_files;
    return (pages - of_files) * ::sysconf(_SC_PAGESIZE);
  };
  const auto before = run(20);
  CHECK(run(100) - before < 2 << 20);
}

TEST_CASE("accumulated micro-batches give the whole batch's gradient, short batches included") {
  const Setup setup;
  train::Job job = setup.job();
  job.options.dropout = job.options.attention_dropout = job.options.head_dropout = 0.0;
  job.options.batch_size = 7;  // 16 rows: 7, 7 and 2
  job.options.max_steps = 6;
  const train::Result whole = train::finetune(job);
  job.options.accumulation = 3;
  const train::Result parts = train::finetune(job);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(parts.curve[i].loss == doctest::Approx(whole.curve[i].loss).epsilon(1e-5));
    CHECK(parts.curve[i].grad_norm == doctest::Approx(whole.curve[i].grad_norm).epsilon(1e-4));
  }
  CHECK(distance(parts.snapshots.back(), whole.snapshots.back()) < 1e-4);
}

TEST_CASE("frozen layers keep their weights and the rest is trained") {
  const Setup setup;
  for (int frozen = 1; frozen <= 2; ++frozen) {
    CAPTURE(frozen);
    train::Job job = setup.job();
    job.options.frozen_layers = frozen;
    const train::Result result = train::finetune(job);
    REQUIRE(result.snapshots.size() == 3);
    const model::Layout layout = model::make_layout(setup.config, 2);
    const auto begin = static_cast<std::size_t>(layout.begin_of_layer(frozen));
    const std::vector<float>& last = result.snapshots.back();
    CHECK(std::equal(last.begin(), last.begin() + static_cast<std::ptrdiff_t>(begin),
                     setup.weights.begin()));
    CHECK(last != setup.weights);
  }
}

TEST_CASE("the gradient of an upper layer does not depend on what is frozen below") {
  const Setup setup;
  train::Job job = setup.job();
  job.options.dropout = job.options.attention_dropout = job.options.head_dropout = 0.0;
  job.options.max_grad_norm = 0.0;
  job.options.warmup = 0.0;
  job.options.max_steps = 1;
  job.options.snapshots = 1;
  const train::Result free = train::finetune(job);
  job.options.frozen_layers = 1;
  const train::Result frozen = train::finetune(job);
  const model::Layout layout = model::make_layout(setup.config, 2);
  for (auto i = static_cast<std::size_t>(layout.begin_of_layer(1)); i < free.snapshots[0].size();
       ++i)
    CHECK(free.snapshots[0][i] == frozen.snapshots[0][i]);
}

TEST_CASE(
    "frozen layers without dropout are computed once per row, however often it is trained on") {
  const Setup setup;
  for (int frozen = 1; frozen <= 2; ++frozen) {
    CAPTURE(frozen);
    train::Job job = setup.job();
    job.options.frozen_layers = frozen;
    job.options.frozen_dropout = false;
    job.options.max_steps = 0;
    job.options.snapshots = 1;
    std::vector<double> flops;
    for (int epochs = 1; epochs <= 3; ++epochs) {
      job.options.epochs = epochs;
      flops.push_back(train::finetune(job).flops);
    }
    CHECK(flops[2] - flops[1] == flops[1] - flops[0]);
    const double once = flops[0] - (flops[1] - flops[0]);
    CHECK(once > 0.0);
    // With dropout they are computed in every step, without a single epoch's worth in steps too.
    job.options.epochs = 1;
    job.options.frozen_dropout = true;
    CHECK(train::finetune(job).flops == flops[0]);
    job.options.epochs = 2;
    CHECK(train::finetune(job).flops == flops[1] + once);
  }
}

TEST_CASE("runs that share frozen layers' outputs are those that do not, interrupted or not") {
  const Setup setup;
  const std::shared_ptr<train::FrozenOutputs> shared = train::make_frozen_outputs();
  for (const int frozen : {1, 2, 1}) {
    CAPTURE(frozen);
    train::Job job = setup.job();
    job.options.frozen_layers = frozen;
    job.options.frozen_dropout = false;
    const train::Result own = train::finetune(job);
    job.frozen = shared;
    const train::Result first = train::finetune(job);
    check_same_bits(first, own);
    CHECK(first.flops == own.flops);
    job.checkpoint = fresh_folder("runner_frozen_test");
    int asked = 0;
    job.should_stop = [&] { return ++asked == 5; };
    CHECK(train::finetune(job).status == train::Status::interrupted);
    job.should_stop = nullptr;
    const train::Result resumed = run_of(job);
    check_same_bits(resumed, own);
    CHECK(resumed.flops == own.flops);
  }
}

TEST_CASE("a run can be stopped while its frozen layers' outputs are computed") {
  const Setup setup;
  train::Job job = setup.job();
  job.options.frozen_layers = 1;
  job.options.frozen_dropout = false;
  job.frozen = train::make_frozen_outputs();
  job.should_stop = [] { return true; };
  const train::Result stopped = train::finetune(job);
  CHECK(stopped.status == train::Status::interrupted);
  CHECK(stopped.curve.empty());
  job.should_stop = nullptr;
  CHECK(train::finetune(job).curve.size() == 12);
}

TEST_CASE("jobs that the data cannot serve are refused by name") {
  const Setup setup;
  const auto message = [](const train::Job& job) -> std::string {
    try {
      train::finetune(job);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  train::Job job = setup.job();
  job.options.batch_size = 17;
  CHECK(message(job).find("batch_size 17") != std::string::npos);
  job = setup.job();
  job.options.snapshots = 13;
  CHECK(message(job).find("snapshots: 13") != std::string::npos);
}

TEST_CASE("snapshots are equally spaced and end with the last step") {
  train::Options options;
  options.snapshots = 4;
  options.snapshot_start = 0.5;
  CHECK(train::snapshot_steps(options, 100) == std::vector<std::int64_t>{62, 75, 87, 100});
  options.snapshots = 1;
  CHECK(train::snapshot_steps(options, 7) == std::vector<std::int64_t>{7});
  options.epochs = 1.5;
  options.batch_size = 16;
  CHECK(train::total_steps(options, 100) == 11);
}
