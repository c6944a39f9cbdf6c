#include "spec/resolved.hpp"

#include <doctest/doctest.h>

#include "spec_file.hpp"

using namespace runner;
using namespace runner::spec;

namespace {

const std::string kWhole = R"(model: ./enc
data: {max_train_rows: 600}
runs: "a folder"
seeds: [3, 5]
outer_split: holdout:0.1
recipe: {preset: bomf, epochs: 3, head_dropout: config, snapshots: 4}
tasks:
  - RTE
  - {name: STS-B, recipe: {lr: 3e-5}, inner: {rows: 32}}
  - {name: own, train: t.csv, dev: [d.csv, "e: f.csv"], test: g.csv, text: [one, "two, 2"],
     label: -1, labels: ["", "null", 'say "hi"', "-1"], positive: "null", metric: [f1_macro, mcc]}
search:
  lr: {low: 1e-6, high: 1e-4}
  epochs: {type: integer, low: 2, high: 4}
  warmup: {low: 0, high: 0.3}
  dropout: {values: [config, 0.1]}
outer: {trials: 8, noise: deterministic, starts: [{lr: 3e-5, dropout: 0.1}, {epochs: 2}]}
methods: [fine_tune, {bo: {acquisition: ei+ucb}}, bo_fusion]
pairs: all
)";

std::string changed(const std::string& from, const std::string& to) {
  std::string text = kWhole;
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

// What refuses to go on from kWhole with `from` replaced by `to`.
std::string refusal(const std::string& from, const std::string& to) {
  const SpecFile file(kWhole);
  const Spec begun = file.load();
  io::write_file_atomic("s.yaml", changed(from, to));
  return difference(begun, file.load());
}

}  // namespace

TEST_CASE("a resolved spec reads back to itself, from any folder") {
  const SpecFile file(kWhole);
  const Spec spec = file.load({"recipe.epochs=2"});
  const std::string resolved = resolved_yaml(spec);
  const SpecFile elsewhere(resolved, "resolved.yaml");
  const Spec again = elsewhere.load();
  CHECK(resolved_yaml(again) == resolved);
  CHECK(difference(spec, again) == "");
  CHECK(again.name == spec.name);
  CHECK(again.model == spec.model);
  CHECK(again.runs_root == spec.runs_root);
  CHECK(again.tasks[2].task.labels == spec.tasks[2].task.labels);
  CHECK(again.tasks[2].task.dev[1].path == spec.tasks[2].task.dev[1].path);
  CHECK(again.tasks[2].task.train.text_fields == spec.tasks[2].task.train.text_fields);
  CHECK(again.tasks[2].task.train.format == data::SplitFile::Format::csv);
  CHECK(again.tasks[2].task.train.quoting);
  CHECK(again.search[0].log);
}

TEST_CASE("a resolved spec writes everything out") {
  const SpecFile file(
      "name: n\nmodel: /m\ndata: {root: /g}\nruns: /r\ntasks: [RTE, {name: CoLA, "
      "recipe: {lr: 1e-3}}]\nmethods: [swa]\n");
  CHECK(resolved_yaml(file.load()) == R"(name: n
model: /m
data: {root: /g, max_train_rows: 0, max_selection_rows: 1000, max_dev_rows: 0}
runs: /r
device: auto
threads: auto
workers: auto
trials_per_device: 1
deterministic: true
store_limit: 16000 MB
seeds: [0]
outer_split: dev
recipe: {lr: 2e-05, batch_size: 16, epochs: 3, max_steps: 0, schedule: linear, warmup: 0.06, first_step: zero, weight_decay: 0, decay_all: false, beta1: 0.9, beta2: 0.999, eps: 1e-08, max_grad_norm: 1, dropout: config, attention_dropout: config, head_dropout: config, head_init: normal, precision: fp32, accumulation: 1, max_length: 128, group_by_length: true, frozen_layers: 0, frozen_dropout: true, snapshots: 8, snapshot_start: 0.5, ema_decay: 0, target_scale: 1}
inner: {evaluations: 30, rows: 256, beta: 4, stop_expected_improvement: 0.0001, precision: run, objective: training_loss, last_k: 3}
tasks:
  - name: RTE
  - name: CoLA
    recipe: {lr: 0.001}
outer: {trials: 8, initial: auto, parallel: 1, beta: 4, noise: learned, pruning: none}
methods:
  - swa
confirm: 0
baseline: none
primary: none
comparisons: none
equivalence: 0.5
at_chance: auto
)");
}

TEST_CASE("tasks, seeds, methods, trials, workers and roots may change between calls") {
  CHECK(refusal("seeds: [3, 5]", "seeds: 7") == "");
  CHECK(refusal("trials: 8", "trials: 9") == "");
  CHECK(refusal("  - RTE\n", "  - CoLA\n") == "");
  CHECK(refusal("methods: [fine_tune,", "methods: [swa, lawa,") == "");
  CHECK(refusal("runs: \"a folder\"",
                "threads: 4\nworkers: 2\ntrials_per_device: 3\nstore_limit: 2 GB\nruns: b") == "");
  CHECK(refusal("model: ./enc", "model: ./moved/enc") == "");
  CHECK(refusal("train: t.csv", "train: moved/t.csv") == "");
}

TEST_CASE("a grid's trials may not change: its points depend on their number") {
  const auto refused = [](const std::string& before, const std::string& now) {
    const auto text = [](const std::string& rest) {
      return kWhole.substr(0, kWhole.find("outer:")) + rest;
    };
    const SpecFile file(text(before));
    const Spec begun = file.load();
    io::write_file_atomic("s.yaml", text(now));
    return difference(begun, file.load());
  };
  const std::string grid = "methods: [fine_tune, grid]\n";
  CHECK(refused("outer: {trials: 4}\n" + grid, "outer: {trials: 6}\n" + grid) ==
        "outer.trials: 4 before, 6 now");
  CHECK(refused("outer: {trials: 4}\nmethods: [swa]\n", "outer: {trials: 6}\n" + grid) == "");
}

TEST_CASE("pruning resolves to itself, and may not change") {
  const SpecFile file(kWhole.substr(0, kWhole.find("outer:")) +
                      "outer: {pruning: halving, reduction: 2.5}\nmethods: [swa]\n");
  const std::string resolved = resolved_yaml(file.load());
  CHECK(resolved.find("pruning: halving, reduction: 2.5}") != std::string::npos);
  CHECK(resolved_yaml(SpecFile(resolved).load()) == resolved);
  CHECK(refusal("trials: 8", "trials: 8, pruning: median") ==
        "outer.pruning: none before, median, reduction: 3 now");
  CHECK(refusal("trials: 8", "trials: 8, pruning: none") == "");
}

TEST_CASE("a budget resolves to itself, and may take the place of trials between calls") {
  CHECK(refusal("trials: 8", "budget: 6h") == "");
  for (const char* written : {"50000 examples", "2e+15 flops", "6 h", "90 min", "1.5 s"}) {
    const SpecFile file(kWhole.substr(0, kWhole.find("outer:")) + "outer: {budget: " + written +
                        "}\nmethods: [swa]\n");
    const std::string resolved = resolved_yaml(file.load());
    CHECK(resolved.find(std::string("outer: {budget: ") + written + ", initial") !=
          std::string::npos);
    CHECK(resolved_yaml(SpecFile(resolved).load()) == resolved);
  }
}

TEST_CASE("what takes another method's trials resolves to itself") {
  const SpecFile file(kWhole.substr(0, kWhole.find("methods:")) +
                      "methods: [random_search, bo]\nrefuse: [swa, lawa]\nsoup: all\nconfirm: 2\n");
  const std::string resolved = resolved_yaml(file.load());
  CHECK(resolved.find("\nrefuse: [swa, lawa]\nsoup: [uniform, greedy]\nconfirm: 2\n") !=
        std::string::npos);
  CHECK(resolved_yaml(SpecFile(resolved).load()) == resolved);
}

TEST_CASE("any other change is refused and shown") {
  CHECK(refusal("model: ./enc", "model: ./big") == "model: enc before, big now");
  CHECK(refusal("holdout:0.1", "dev") == "outer_split: holdout:0.1 before, dev now");
  CHECK(refusal("max_train_rows: 600", "max_train_rows: 0") ==
        "data.max_train_rows: 600 before, 0 now");
  CHECK(refusal("{lr: 3e-5}", "{lr: 4e-5}") == "tasks.STS-B.recipe.lr: 3e-05 before, 4e-05 now");
  CHECK(refusal("rows: 32", "rows: 33") == "tasks.STS-B.inner.rows: 32 before, 33 now");
  CHECK(refusal("high: 1e-4}", "high: 1e-3}") ==
        "search.lr: {type: real, low: 1e-06, high: 0.0001, scale: log} before, {type: real, low: "
        "1e-06, high: 0.001, scale: log} now");
  CHECK(refusal("  warmup: {low: 0, high: 0.3}\n", "") ==
        "search.warmup: {type: real, low: 0, high: 0.3, scale: linear} before, absent now");
  CHECK(refusal("train: t.csv", "train: u.csv") == "tasks.own.train: t.csv before, u.csv now");
  CHECK(refusal("label: -1", "label: 2") == "tasks.own.label: -1 before, 2 now");
  CHECK(refusal("seeds: [3, 5]", "seeds: [3, 5]\ndeterministic: false") ==
        "deterministic: true before, false now");
  CHECK(refusal("noise: deterministic", "noise: learned") ==
        "outer.noise: deterministic before, learned now");
  CHECK(
      refusal("{epochs: 2}]", "{epochs: 4}]") ==
      "outer.starts: [{lr: 3e-05, dropout: 0.1}, {epochs: 2}] before, [{lr: 3e-05, dropout: 0.1}, "
      "{epochs: 4}] now");
}
