#include "spec/load.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <clocale>
#include <cstdlib>

#include "fusion/rules.hpp"
#include "spec/preflight.hpp"
#include "spec/resolved.hpp"
#include "spec/variables.hpp"
#include "spec_file.hpp"

using namespace runner;
using namespace runner::spec;
namespace fs = std::filesystem;

namespace {

// An environment variable that is set or unset for one test.
struct Environment {
  std::string name;
  Environment(const char* variable, const char* value) : name(variable) {
    if (value == nullptr) {
      ::unsetenv(variable);
    } else {
      ::setenv(variable, value, 1);
    }
  }
  ~Environment() { ::unsetenv(name.c_str()); }
};

}  // namespace

TEST_CASE("the shortest spec gets every default") {
  const Environment glue("RUNNER_GLUE", nullptr), models("RUNNER_MODELS", nullptr),
      runs("RUNNER_RUNS", nullptr);
  const SpecFile file(kLeast, "first.yaml");
  const Spec spec = file.load();
  CHECK(spec.name == "first");
  CHECK(spec.glue_root == (file.folder() / "../data/glue").lexically_normal());
  CHECK(spec.model == (file.folder() / "../data/models/tiny").lexically_normal());
  CHECK(spec.runs_root == file.folder() / "runs");
  REQUIRE(spec.tasks.size() == 1);
  CHECK(spec.tasks[0].task.name == "RTE");
  CHECK(spec.seeds == std::vector<std::uint64_t>{0});
  CHECK(spec.holdout == 0.0);
  CHECK(spec.device == "auto");
  REQUIRE(spec.methods.size() == 1);
  CHECK(spec.methods[0].name == "fine_tune");
}

TEST_CASE("data and models are beside the spec, or beside its folder") {
  const Environment glue("RUNNER_GLUE", nullptr), models("RUNNER_MODELS", nullptr);
  const SpecFile file(kLeast, "first.yaml");
  std::filesystem::create_directories(file.folder() / "data/glue");
  CHECK(file.load().glue_root == file.folder() / "data/glue");
  CHECK(file.load().model == (file.folder() / "../data/models/tiny").lexically_normal());
  std::filesystem::create_directories(file.folder() / "data/models");
  CHECK(file.load().model == file.folder() / "data/models/tiny");
}

TEST_CASE("a whole spec is read as it is meant") {
  const SpecFile file(R"(name: all-of-it
model: ./enc
data: {root: glue, max_train_rows: 1e3, max_dev_rows: 50}
runs: out
seeds: [3, 18446744073709551615]
outer_split: holdout:0.1
device: cuda:1
threads: 2
workers: auto
trials_per_device: 2
deterministic: false
recipe: {preset: roberta_paper, epochs: 1.5, schedule: cosine, head_dropout: config, decay_all: false}
inner: {evaluations: 20, rows: 64, last_k: 2, beta: 1e-1}
tasks:
  - MRPC
  - {name: STS-B, recipe: {lr: +3e-5}, inner: {rows: 32}}
search:
  lr: {low: 1e-6, high: 1e-4}
  batch_size: {type: choice, values: [16, 32]}
  warmup: {type: real, low: 0, high: 0.2, scale: linear}
  first_step: {}
outer: {trials: 6, initial: 3, beta: 2, noise: deterministic}
methods: [swa, bo, {bo: {acquisition: ucb}}, {bilevel: {outer: ei+ucb, inner: hedge}}]
pairs: all
)");
  const Spec spec = file.load();
  CHECK(spec.name == "all-of-it");
  CHECK(spec.model == file.folder() / "enc");
  CHECK(spec.glue_root == file.folder() / "glue");
  CHECK(spec.runs_root == file.folder() / "out");
  CHECK(spec.max_train_rows == 1000);
  CHECK(spec.max_dev_rows == 50);
  CHECK(spec.seeds == std::vector<std::uint64_t>{3, ~std::uint64_t{0}});
  CHECK(spec.holdout == 0.1);
  CHECK(spec.device == "cuda:1");
  CHECK(spec.threads == 2);
  CHECK(spec.workers == 0);
  CHECK(spec.trials_per_device == 2);
  CHECK_FALSE(spec.deterministic);
  REQUIRE(spec.tasks.size() == 2);
  const Trial& mrpc = spec.tasks[0].recipe;
  CHECK(mrpc.train.lr == 1e-5);
  CHECK(mrpc.train.epochs == 1.5);
  CHECK(mrpc.train.weight_decay == 0.1);
  CHECK(mrpc.train.schedule == train::Schedule::cosine);
  CHECK(mrpc.train.head_dropout == -1.0);
  CHECK_FALSE(mrpc.train.decay_all);
  CHECK(mrpc.fusion.evaluations == 20);
  CHECK(mrpc.fusion.rows == 64);
  CHECK(mrpc.fusion.beta == 0.1);
  CHECK(spec.tasks[1].recipe.train.lr == 3e-5);
  CHECK(spec.tasks[1].recipe.train.target_scale == 5.0);
  CHECK(spec.tasks[1].recipe.fusion.rows == 32);
  REQUIRE(spec.search.size() == 4);
  CHECK(spec.search[0].type == bo::Type::real);
  CHECK(spec.search[0].low == 1e-6);
  CHECK(spec.search[0].log);
  CHECK(spec.search[1].values == std::vector<std::string>{"16", "32"});
  CHECK_FALSE(spec.search[2].log);
  CHECK(spec.search[3].values == std::vector<std::string>{"zero", "one"});
  CHECK(spec.outer.trials == 6);
  CHECK(spec.outer.initial == 3);
  CHECK(spec.outer.beta == 2.0);
  CHECK(spec.outer.noise == bo::Noise::deterministic);
  std::vector<std::string> names;
  for (const Method& method : spec.methods) names.push_back(method.name);
  CHECK(names == std::vector<std::string>{"swa", "bo(logei)", "bo(ucb)", "bilevel(ei+ucb,hedge)",
                                          "bilevel(ei,ei)", "bilevel(ei,ucb)", "bilevel(ucb,ei)",
                                          "bilevel(ucb,ucb)"});
  CHECK(spec.methods[1].search == Search::bo);
  CHECK(spec.methods[5].rule == "bo");
  CHECK(spec.methods[5].outer == "ei");
  CHECK(spec.methods[5].inner == "ucb");
}

TEST_CASE("a method is any search with any fusion, and bo's runs can be fused again") {
  const SpecFile file(R"(model: m
tasks: [RTE]
search: {lr: {low: 1e-5, high: 1e-4}}
inner: {objective: selection_loss}
methods:
  - {fuse: greedy}
  - {search: random, fuse: swa}
  - {search: bo, fuse: best}
  - {search: {bo: ei}, fuse: {bo: ucb}}
  - {search: {bo: logei+pi}, fuse: {bo: {acquisition: hedge, objective: selection_score}}}
  - {search: restarts, fuse: bo}
  - {search: grid, fuse: {ehvi: [selection_loss, training_loss]}}
refuse: [swa, bo]
)");
  const Spec spec = file.load();
  std::vector<std::string> names;
  for (const Method& method : spec.methods) names.push_back(method.name);
  CHECK(names == std::vector<std::string>{
                     "greedy", "random+swa", "bo(logei)", "bilevel(ei,ucb)",
                     "bilevel(logei+pi,hedge,selection_score)", "restarts+bo(ucb)",
                     "grid+ehvi(selection_loss,training_loss)", "refuse(swa)", "refuse(bo)"});
  CHECK(spec.tasks[0].recipe.fusion.objective == fusion::Objective::selection_loss);
  CHECK(spec.methods[8].search == Search::refuse);
  CHECK(spec.methods[8].of == "bo(logei)");
  CHECK(spec.methods[8].inner == "ucb");
  CHECK(spec.methods[8].outer.empty());
  const SpecFile resolved(resolved_yaml(spec), "r.yaml");
  const Spec again = resolved.load();
  REQUIRE(again.methods.size() == spec.methods.size());
  for (std::size_t i = 0; i < again.methods.size(); ++i) {
    CHECK(again.methods[i].name == spec.methods[i].name);
    CHECK(again.methods[i].objectives == spec.methods[i].objectives);
    CHECK(again.methods[i].of == spec.methods[i].of);
  }
}

TEST_CASE("confirm adds a row for each method that searches") {
  const SpecFile file(
      "model: m\ntasks: [RTE]\nsearch: {lr: {low: 1e-5, high: 1e-4}}\n"
      "methods: [fine_tune, restarts, bo, {search: {bo: ei}, fuse: {bo: pi}}]\nrefuse: [swa]\n"
      "confirm: 3\n");
  const Spec spec = file.load();
  CHECK(spec.confirm == 3);
  std::vector<std::string> names;
  for (const Method& method : spec.methods) names.push_back(method.name);
  CHECK(names == std::vector<std::string>{"fine_tune", "restarts", "bo(logei)", "bilevel(ei,pi)",
                                          "refuse(swa)", "confirm(restarts)", "confirm(bo(logei))",
                                          "confirm(bilevel(ei,pi))"});
  CHECK(spec.methods.back().of == "bilevel(ei,pi)");
  CHECK(spec.methods.back().rule == "bo");
  CHECK(spec.methods.back().inner == "pi");
  for (const Contrast& contrast : spec.comparisons) {
    CHECK_FALSE(contrast.method.starts_with("confirm"));
    if (contrast.method == "refuse(swa)") CHECK(contrast.against == "bo(logei)");
  }
  const SpecFile resolved(resolved_yaml(spec), "r.yaml");
  const Spec again = resolved.load();
  REQUIRE(again.methods.size() == spec.methods.size());
  for (std::size_t i = 0; i < again.methods.size(); ++i) {
    CHECK(again.methods[i].name == spec.methods[i].name);
  }
}

TEST_CASE("refuse: all are all rules but the donor's own and an average that is not kept") {
  const std::string text =
      "model: m\ntasks: [RTE]\nsearch: {lr: {low: 1e-5, high: 1e-4}}\nmethods: [bo]\n"
      "refuse: all\n";
  const std::size_t rules = fusion::rules().size();
  CHECK(SpecFile(text).load().methods.size() == 1 + rules - 2);
  CHECK(SpecFile(text + "recipe: {ema_decay: 0.9}\n").load().methods.size() == 1 + rules - 1);
}

TEST_CASE("tasks: all are GLUE's nine, and seeds: 3 are 0, 1, 2") {
  const SpecFile file("model: m\ntasks: all\nmethods: [swa]\nseeds: 3\n");
  const Spec spec = file.load();
  std::vector<std::string> names;
  for (const TaskEntry& entry : spec.tasks) names.push_back(entry.task.name);
  CHECK(names == std::vector<std::string>{"CoLA", "SST-2", "MRPC", "STS-B", "QQP", "MNLI", "QNLI",
                                          "RTE", "WNLI"});
  CHECK(spec.seeds == std::vector<std::uint64_t>{0, 1, 2});
}

TEST_CASE("roots come from the command line, the spec, the environment, the default") {
  const SpecFile bare(kLeast);
  {
    const Environment glue("RUNNER_GLUE", "/env/glue"), models("RUNNER_MODELS", "/env/models"),
        runs("RUNNER_RUNS", "here");
    CHECK(bare.load().glue_root == "/env/glue");
    CHECK(bare.load().model == "/env/models/tiny");
    CHECK(bare.load().runs_root == bare.folder() / "here");
    const SpecFile file(kLeast + "data: {root: a}\nmodels_root: /m\nruns: r\n");
    CHECK(file.load().glue_root == file.folder() / "a");
    CHECK(file.load().model == "/m/tiny");
    CHECK(file.load().runs_root == file.folder() / "r");
    CHECK(file.load({"data.root=/cli", "models_root=b", "runs=c"}).glue_root == "/cli");
  }
}

TEST_CASE("paths in a spec are relative to it, those of the command line to the current folder") {
  const SpecFile file(kLeast + "data: {root: glue}\n");
  fs::create_directory(file.folder() / "elsewhere");
  fs::current_path(file.folder() / "elsewhere");
  const Spec spec = load("../s.yaml", {"runs=out/", "model=./here/"});
  CHECK(spec.glue_root == file.folder() / "glue");
  CHECK(spec.runs_root == file.folder() / "elsewhere/out");
  CHECK(spec.model == file.folder() / "elsewhere/here");
}

TEST_CASE("overrides replace, reach into lists and make what is not there") {
  const SpecFile file(kLeast + "seeds: [0, 1]\n");
  const Spec spec = file.load({"tasks.0=MRPC", "seeds.1=7", "recipe.lr=1e-4", "recipe.warmup=0",
                               "outer_split=holdout:0.2", "methods=[swa, lawa]"});
  CHECK(spec.tasks[0].task.name == "MRPC");
  CHECK(spec.seeds == std::vector<std::uint64_t>{0, 7});
  CHECK(spec.tasks[0].recipe.train.lr == 1e-4);
  CHECK(spec.tasks[0].recipe.train.warmup == 0.0);
  CHECK(spec.holdout == 0.2);
  CHECK(spec.methods.size() == 2);
  CHECK(spec.overrides.at("outer_split") == "holdout:0.2");
}

TEST_CASE("a user's own task is read with columns by number") {
  const SpecFile file(R"(model: m
methods: [swa]
tasks:
  - {name: mine, train: t.tsv, dev: [a.tsv, b.tsv], test: c.tsv, header: false, text: [1, 2],
     label: -1, labels: [no, yes, 0], metric: [f1_macro, accuracy], positive: yes}
)");
  const data::Task task = file.load().tasks[0].task;
  CHECK(task.name == "mine");
  CHECK(task.folder.empty());
  CHECK(task.train.path == (file.folder() / "t.tsv").string());
  CHECK(task.train.format == data::SplitFile::Format::tsv);
  CHECK_FALSE(task.train.header);
  CHECK(task.train.text_columns == std::vector<int>{1, 2});
  CHECK(task.train.label_column == -1);
  REQUIRE(task.dev.size() == 2);
  CHECK(task.dev[1].path == (file.folder() / "b.tsv").string());
  CHECK(task.dev[1].label_column == -1);
  REQUIRE(task.test.size() == 1);
  CHECK(task.test[0].label_column == data::SplitFile::kNoLabel);
  CHECK(task.test[0].text_columns == std::vector<int>{1, 2});
  CHECK(task.labels == std::vector<std::string>{"no", "yes", "0"});
  CHECK(task.metrics == std::vector<data::Metric>{data::Metric::f1_macro, data::Metric::accuracy});
  CHECK(task.positive_label == "yes");
  CHECK_FALSE(task.regression);
}

TEST_CASE("a CSV has quoting, and a TSV has it where the spec says so") {
  for (const auto& [more, quoting] : std::vector<std::pair<std::string, bool>>{
           {"train: t.csv, dev: d.csv.gz", true},
           {"train: t.csv, dev: d.csv, quoting: false", false},
           {"train: t.tsv, dev: d.tsv", false},
           {"train: t, dev: d, quoting: true", true},
           {"train: t, dev: d, format: csv", true}}) {
    const SpecFile file("model: m\nmethods: [swa]\ntasks: [{name: own, " + more +
                        ", text: x, label: y, labels: [a, b]}]\n");
    const data::Task task = file.load().tasks[0].task;
    CAPTURE(more);
    CHECK(task.train.quoting == quoting);
    CHECK(task.dev[0].quoting == quoting);
    CHECK(task.dev[0].format == task.train.format);
  }
}

TEST_CASE("a user's own regression is read with fields by name") {
  const SpecFile file(R"(model: m
methods: [swa]
tasks: [{name: sim, train: t.jsonl, dev: d.txt, format: jsonl, text: [a, b], label: score, metric: pearson}]
)");
  const data::Task task = file.load().tasks[0].task;
  CHECK(task.train.format == data::SplitFile::Format::jsonl);
  CHECK(task.dev[0].format == data::SplitFile::Format::jsonl);
  CHECK(task.train.text_fields == std::vector<std::string>{"a", "b"});
  CHECK(task.dev[0].label_field == "score");
  CHECK(task.regression);
  CHECK(task.classes() == 1);
}

TEST_CASE("a task's own preset starts afresh from it") {
  const SpecFile file(R"(model: m
methods: [swa]
recipe: {preset: hf_default, lr: 7e-5}
tasks: [RTE, {name: CoLA, recipe: {preset: mosbach, epochs: 4}}]
)");
  const Spec spec = file.load();
  CHECK(spec.tasks[0].recipe.train.lr == 7e-5);
  CHECK(spec.tasks[1].recipe.train.lr == 2e-5);
  CHECK(spec.tasks[1].recipe.train.epochs == 4.0);
}

TEST_CASE("numbers are read alike in every locale") {
  const SpecFile file(kLeast + "recipe: {lr: 1.5e-5}\n");
  for (const char* name : {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "C"}) {
    if (std::setlocale(LC_ALL, name) == nullptr) continue;
    CHECK(file.load().tasks[0].recipe.train.lr == 1.5e-5);
  }
  std::setlocale(LC_ALL, "C");
}

TEST_CASE("the preflight names every missing file of data and nothing that is there") {
  const SpecFile file(kLeast + "models_root: .\ndata: {root: glue}\n");
  const auto at = [&](const char* path) { return (file.folder() / path).string(); };
  CHECK(missing_files(file.load()) ==
        std::vector<std::string>{at("tiny/tokenizer.json") + ": the model's vocabulary",
                                 at("glue/RTE/train.tsv") + ": data of RTE",
                                 at("glue/RTE/dev.tsv") + ": data of RTE"});
  io::write_file_atomic(at("tiny/config.json"), R"({"model_type": "bert"})");
  io::write_file_atomic(at("glue/RTE/train.tsv"), "");
  CHECK(missing_files(file.load()) ==
        std::vector<std::string>{at("tiny/vocab.txt") + ": the model's vocabulary",
                                 at("glue/RTE/dev.tsv") + ": data of RTE"});
  for (const auto& [type, files] : {std::pair("roberta", 2), {"xlm-roberta", 1}, {"mpnet", 1}}) {
    io::write_file_atomic(at("tiny/config.json"), fmt::format(R"({{"model_type": "{}"}})", type));
    CHECK(missing_files(file.load()).size() == static_cast<std::size_t>(files) + 1);
  }
  io::write_file_atomic(at("tiny/tokenizer.json"), "");  // all that a folder of today's needs
  CHECK(missing_files(file.load()) ==
        std::vector<std::string>{at("glue/RTE/dev.tsv") + ": data of RTE"});
}
