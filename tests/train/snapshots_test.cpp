#include "train/snapshots.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "doctest/doctest.h"
#include "io/error.hpp"
#include "setup.hpp"

using namespace runner;
namespace fs = std::filesystem;

TEST_CASE("a run that keeps its progress holds no snapshot, and what it lost is named") {
  const Setup setup;
  train::Job job = setup.job();
  const train::Result whole = train::finetune(job);
  job.checkpoint = fresh_folder("runner_snapshots_test");
  train::Result result = train::finetune(job);
  REQUIRE(result.snapshots.size() == 3);
  for (const auto& snapshot : result.snapshots) CHECK(snapshot.empty());
  const fs::path last = job.checkpoint / train::snapshot_name(12);
  fs::rename(last, job.checkpoint / "away");
  CHECK_THROWS_WITH_AS(
      train::load_snapshots(job.checkpoint, result),
      (last.string() + ": is missing, or was changed after it was written").c_str(), InputError);
  CHECK(result.snapshots[1] == whole.snapshots[1]);
  // Without it the run goes on from its start.
  CHECK(run_of(job).snapshots == whole.snapshots);
}

TEST_CASE("a snapshot that the disk refuses is held, and written once there is room") {
  const Setup setup;
  train::Job job = setup.job();
  const train::Result whole = train::finetune(job);
  job.checkpoint = fresh_folder("runner_room_again_test");
  const std::int64_t step = train::snapshot_steps(job.options, 12).front();
  const fs::path first = job.checkpoint / train::snapshot_name(step);
  fs::create_directories(first / "in its way");
  job.on_step = [&](const train::StepRecord& record) {
    if (record.step == step + 1) fs::remove_all(first);
  };
  CHECK(run_of(job).snapshots == whole.snapshots);
  CHECK(fs::is_regular_file(first));
}

TEST_CASE("no run goes on from the snapshots of another that began in its folder") {
  const Setup setup;
  train::Job job = setup.job(), other = setup.job();
  other.seed = 12;
  const train::Result whole = train::finetune(job);
  job.checkpoint = other.checkpoint = fresh_folder("runner_other_snapshots_test");
  std::int64_t step = 0;
  job.on_step = [&](const train::StepRecord& record) { step = record.step; };
  job.should_stop = [&] { return step == 10; };
  CHECK(train::finetune(job).status == train::Status::interrupted);
  other.on_step = [](const train::StepRecord& record) {
    if (record.step == 10) throw std::runtime_error("killed");
  };
  CHECK_THROWS_WITH(train::finetune(other), "killed");
  job.should_stop = nullptr;
  CHECK(run_of(job).snapshots == whole.snapshots);
}

TEST_CASE("a disk without room for progress is told, and the run goes on") {
  const Setup setup;
  train::Job job = setup.job();
  const train::Result whole = train::finetune(job);
  const fs::path file = fresh_folder("runner_no_room_test");
  std::ofstream(file) << "a file where the folder should be";
  job.checkpoint = file / "progress";
  job.save_every_seconds = 0.0;
  int told = 0;
  job.on_unsaved = [&](const std::string&) { ++told; };
  CHECK(train::finetune(job).snapshots == whole.snapshots);
  CHECK(told == 12);
  fs::remove(file);
}
