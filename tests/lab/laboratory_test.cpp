// The engine as the program loads it, on the tiny model and data of the repository.
#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../experiment/fake_trainer.hpp"
#include "cli/engine.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "places.hpp"
#include "spec/load.hpp"

using namespace runner;
using experiment::Evaluation;
using experiment::RunRequest;
using experiment::StepRecord;
using experiment::TrainedRun;
using experiment::Watch;
namespace fs = std::filesystem;

namespace {

// A run's folder with a laboratory in it, as a process has them.
struct Place {
  explicit Place(const fs::path& run, const std::vector<std::string>& overrides = {},
                 int threads = 1, const std::string& device = "auto")
      : spec(load(overrides, device)),
        laboratory(cli::engine().make_laboratory(
            spec, run / "store", threads,
            [this](const std::string& text) { told += text + "\n"; })) {}

  static spec::Spec load(const std::vector<std::string>& overrides, const std::string& device) {
    spec::Spec spec = spec::load(source_dir() / "tests" / "e2e" / "small.yaml", overrides);
    spec.device = device;
    return spec;
  }
  RunRequest request(std::size_t task = 0) const {
    return {.task = spec.tasks[task].task.name,
            .seed = 3,
            .split_seed = 1,
            .options = spec.tasks[task].recipe.train};
  }
  std::unique_ptr<TrainedRun> train(const RunRequest& request) {
    steps = 0;
    const Watch watch{.on_step = [this](const StepRecord& record, std::int64_t of) {
      CHECK(record.step == ++steps);
      all_steps = of;
    }};
    return laboratory->train(request, watch);
  }

  spec::Spec spec;
  std::string told;
  std::int64_t steps = 0, all_steps = 0;  // told of the last run that was asked for
  std::unique_ptr<lab::Laboratory> laboratory;
};

void check_same(const Evaluation& a, const Evaluation& b) {
  CHECK(a.selection.score == b.selection.score);
  CHECK(a.report.score == b.report.score);
  CHECK(a.selection_loss == b.selection_loss);
  CHECK(a.report_loss == b.report_loss);
}

const std::vector<double> kMix = {0.1, 0.2, 0.3, 0.4};

}  // namespace

TEST_CASE("a run is trained once, whoever asks for it, and every step of it is told") {
  const experiment::Folder folder;
  Place first(folder.path);
  const RunRequest request = first.request();
  const auto run = first.train(request);
  CHECK(first.steps == run->record().steps);
  CHECK(first.all_steps == run->record().steps);
  CHECK(run->record().curve.size() == static_cast<std::size_t>(run->record().steps));
  const Evaluation measured = run->evaluate(kMix);

  check_same(first.train(request)->evaluate(kMix), measured);
  CHECK(first.steps == 0);
  Place other(folder.path, {}, 2);  // another process, with more threads
  check_same(other.train(request)->evaluate(kMix), measured);
  CHECK(other.steps == 0);
  CHECK(other.train(request)->key() == run->key());
}

TEST_CASE("what left the store is trained again, to the same bits") {
  const experiment::Folder folder;
  std::vector<float> weights;
  Evaluation measured;
  RunRequest request;
  {
    Place place(folder.path);
    request = place.request();
    measured = place.train(request)->evaluate(kMix);
    weights = place.laboratory->fused_model(request, kMix, {}).weights;
  }
  fs::remove_all(folder.path / "store");
  Place place(folder.path);
  CHECK(place.laboratory->fused_model(request, kMix, {}).weights == weights);
  CHECK(place.told.find("not in the store any more; it is trained again") != std::string::npos);
  check_same(place.train(request)->evaluate(kMix), measured);
}

TEST_CASE("which of several devices trains a run, and which measures it, changes no bit") {
  const experiment::Folder folder;
  Place one(folder.path / "one", {}, 1, "cpu");
  const RunRequest request = one.request();
  const auto run = one.train(request);
  const Evaluation measured = run->evaluate(kMix);

  Place two(folder.path / "two", {}, 1, "cpu,cpu");
  std::string key;
  std::jthread([&] { key = two.train(request)->key(); }).join();
  CHECK(key == run->key());
  check_same(two.train(request)->evaluate(kMix), measured);  // by this thread's device
  CHECK(two.steps == 0);
}

TEST_CASE("a run's key holds all that its bits depend on, and nothing else") {
  const experiment::Folder folder;
  Place place(folder.path);
  const RunRequest request = place.request();
  place.train(request);  // from now on the inputs are known
  std::vector<RunRequest> requests(8, request);
  requests[1].seed = 4;
  requests[2].split_seed = 2;
  requests[3].options.lr *= 1.0000001;
  requests[4].options.precision = train::Precision::bf16;
  requests[5].options.snapshots = 3;
  requests[6].rungs = {{.share = 0.5, .least = 0.1}};
  requests[7].rungs = {{.share = 0.5, .least = 0.9}};
  const std::vector<std::string> keys = place.laboratory->keys(requests);
  REQUIRE(keys.size() == requests.size());
  CHECK(keys[6] == keys[7]);  // the run that goes on to its end
  for (std::size_t i = 0; i < 7; ++i) {
    for (std::size_t j = 0; j < i; ++j) CHECK(keys[i] != keys[j]);
  }
  CHECK(Place(folder.path, {}, 2).laboratory->keys(requests) == keys);
  CHECK(Place(folder.path, {"data.max_train_rows=95"}).laboratory->keys({request})[0] != keys[0]);
}

TEST_CASE("a plan counts what a run then spends, to the last example and FLOP") {
  const experiment::Folder folder;
  Place place(folder.path, {"outer_split=holdout:0.25"});
  const auto pricing = cli::engine().make_pricing(place.spec);
  for (std::size_t task = 0; task < place.spec.tasks.size(); ++task) {
    const RunRequest request = place.request(task);
    CAPTURE(request.task);
    const auto run = place.train(request), priced = pricing->train(request, {});
    CHECK(priced->record().examples == run->record().examples);
    CHECK(priced->record().snapshots == run->record().snapshots);
    CHECK(priced->record().flops == doctest::Approx(run->record().flops));
    for (TrainedRun* const asked : {run.get(), priced.get()}) {
      asked->fusion_loss(kMix, 32, train::Precision::fp32);
      asked->evaluate(kMix);
    }
    CHECK(priced->evaluation_examples() == run->evaluation_examples());
    CHECK(priced->evaluation_flops() == doctest::Approx(run->evaluation_flops()));
  }
}

TEST_CASE("who asks for what is known is charged the seconds of who asked first") {
  const experiment::Folder folder;
  Place place(folder.path);
  const auto first = place.train(place.request());
  first->evaluate(kMix);
  CHECK(first->remembered_seconds() == 0.0);
  first->evaluate(kMix);
  CHECK(first->remembered_seconds() > 0.0);
  const auto second = place.train(place.request());
  second->evaluate(kMix);
  CHECK(second->remembered_seconds() == first->remembered_seconds());
}

TEST_CASE("a stop is seen between two steps, and the run goes on from there to the same bits") {
  const experiment::Folder whole, parts;
  Place undisturbed(whole.path);
  const RunRequest request = undisturbed.request();
  const auto run = undisturbed.train(request);

  Place place(parts.path);
  std::int64_t taken = 0;
  const Watch watch{
      .should_stop = [&] { return taken == 5; },
      .on_step = [&](const StepRecord& record, std::int64_t) { taken = record.step; }};
  CHECK_THROWS_AS(place.laboratory->train(request, watch), experiment::Stopped);
  CHECK(taken == 5);
  std::int64_t next = 0;
  const auto rest =
      place.laboratory->train(request, {.on_step = [&](const StepRecord& record, std::int64_t) {
                                if (next == 0) next = record.step;
                              }});
  CHECK(next == 6);
  CHECK(rest->key() == run->key());
  check_same(rest->evaluate(kMix), run->evaluate(kMix));
}

TEST_CASE("a run's folder takes results of one set of data alone") {
  const experiment::Folder folder, data;
  Place first(folder.path);
  const RunRequest request = first.request();
  first.train(request);
  fs::copy(source_dir() / "data" / "mini_glue", data.path / "glue", fs::copy_options::recursive);
  const fs::path train = data.path / "glue" / "RTE" / "train.tsv";
  std::string rows = io::read_file(train);
  rows.replace(rows.find("\tentailment\n"), 12, "\tnot_entailment\n");
  io::write_file_atomic(train, rows);
  Place other(folder.path, {"data.root=" + (data.path / "glue").string()});
  CHECK_THROWS_WITH_AS(other.train(request), doctest::Contains("RTE"), InputError);
}
