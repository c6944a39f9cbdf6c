#include "train/rung.hpp"

#include <optional>
#include <span>
#include <vector>

#include "doctest/doctest.h"
#include "setup.hpp"
#include "train/finetune.hpp"

using namespace runner;

TEST_CASE("looking at a run changes none of its bits, and ends it where it is told to") {
  const Setup setup;
  train::Job job = setup.job();
  job.options.weight_decay = 0.1;
  const train::Result whole = train::finetune(job);
  const std::int64_t at = whole.snapshot_steps[0];
  REQUIRE(at > 1);
  job.rungs = {{.step = 0, .least = 0.5}, {.step = at, .least = 0.4}, {.step = at, .least = 0.5}};
  std::vector<std::vector<float>> weights;
  std::size_t interrupt_at = 9;
  job.look = [&](std::span<const float> seen) -> std::optional<train::Seen> {
    if (weights.size() == interrupt_at) {
      interrupt_at = 9;
      return std::nullopt;
    }
    weights.emplace_back(seen.begin(), seen.end());
    return train::Seen{.score = 0.5, .examples = 7, .flops = 3.0};
  };
  const train::Result looked = train::finetune(job);
  check_same_bits(looked, whole);
  REQUIRE(weights.size() == 3);
  CHECK(weights[1] == whole.snapshots[0]);
  REQUIRE(looked.rungs.size() == 3);
  CHECK(looked.rungs[1].step == at);
  CHECK(looked.rungs[1].score == 0.5);
  CHECK(looked.rungs[1].look_examples == 7);
  CHECK(looked.rungs[0].examples == 0);
  CHECK(looked.rungs[2].flops > 0.0);

  for (std::size_t look = 0; look < 3; ++look) {  // interrupted right there
    CAPTURE(look);
    job.checkpoint = fresh_folder("runner_look_test");
    weights.clear();
    interrupt_at = look;
    CHECK(train::finetune(job).status == train::Status::interrupted);
    const train::Result resumed = run_of(job);
    check_same_bits(resumed, whole);
    REQUIRE(resumed.rungs.size() == 3);
    CHECK(weights.back() == whole.snapshots[0]);
    CHECK(resumed.rungs[2].examples == looked.rungs[2].examples);
  }

  job.checkpoint.clear();
  job.rungs[1].least = 0.6;
  const train::Result pruned = train::finetune(job);
  CHECK(pruned.status == train::Status::pruned);
  CHECK(pruned.rungs.size() == 2);
  CHECK(pruned.curve.size() == static_cast<std::size_t>(at));
  CHECK(pruned.snapshots.empty());
  CHECK(pruned.examples == looked.rungs[1].examples);
}
