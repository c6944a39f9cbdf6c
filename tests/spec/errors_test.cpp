#include <doctest/doctest.h>

#include "spec/problems.hpp"
#include "spec_file.hpp"

using namespace runner;
using namespace runner::spec;
TEST_CASE("every problem is shown at once with its place, its line and a caret") {
  const SpecFile file(R"(model: tiny
tasks: [RTE, MPRC]
recipe:
  lr: fast
  epohcs: 3
methods: [fine_tune, {bilevel: {outer: eii, inner: ucb}}]
search:
  lr: {type: real, low: 1e-4, high: 1e-6, scale: log}
)");
  CHECK(
      file.error() ==
      R"(s.yaml:2:14: unknown task 'MPRC'; did you mean 'MRPC'? (known: CoLA, SST-2, MRPC, STS-B, QQP, MNLI, QNLI, RTE, WNLI)
  tasks: [RTE, MPRC]
               ^
s.yaml:4:7: recipe.lr: 'fast' is not a number
    lr: fast
        ^
s.yaml:5:3: unknown key in recipe 'epohcs'; did you mean 'epochs'? (known: preset, lr, batch_size, epochs, max_steps, schedule, warmup, first_step, weight_decay, decay_all, beta1, beta2, eps, max_grad_norm, dropout, attention_dropout, head_dropout, head_init, precision, accumulation, max_length, group_by_length, frozen_layers, frozen_dropout, snapshots, snapshot_start, ema_decay, target_scale)
    epohcs: 3
    ^
s.yaml:6:40: unknown acquisition 'eii'; did you mean 'ei'? (known: ei, logei, pi, ucb, hedge)
  methods: [fine_tune, {bilevel: {outer: eii, inner: ucb}}]
                                         ^
s.yaml:8:25: search.lr.low is 1e-4, above search.lr.high, which is 1e-6
    lr: {type: real, low: 1e-4, high: 1e-6, scale: log}
                          ^)");
}

TEST_CASE("columns count characters, tabs are kept before the caret, DOS line ends are dropped") {
  const SpecFile file("model: tiny\r\ntasks: [RTE]\r\nmethods: [\"\xC3\xA9\",\tswaa]\r\n");
  CHECK(file.error() ==
        "s.yaml:3:11: unknown method '\xC3\xA9' (known: fine_tune, best, swa, lawa, ema, "
        "weighted, greedy, learned, bo_fusion, ehvi, restarts, random_search, grid, bo, bilevel)\n"
        "  methods: [\"\xC3\xA9\",\tswaa]\n"
        "            ^\n"
        "s.yaml:3:16: unknown method 'swaa'; did you mean 'swa'? (known: fine_tune, best, swa, "
        "lawa, ema, weighted, greedy, learned, bo_fusion, ehvi, restarts, random_search, grid, bo, "
        "bilevel)\n"
        "  methods: [\"\xC3\xA9\",\tswaa]\n"
        "                \t^");
}

TEST_CASE("problems of the command line show what was typed") {
  const SpecFile file(kLeast + "seeds: [0]\n");
  CHECK(file.error({"recipe.lr=fast", "tasks.4=RTE", "seeds", "recipe..lr=1", "recipe.eps=[1"}) ==
        "command line: tasks.4=RTE: '4' is not an index into tasks, a list of 1\n"
        "command line: seeds: expected key.path=value\n"
        "command line: recipe..lr=1: 'recipe..lr' has an empty part\n"
        "command line: recipe.eps=[1: not valid YAML: end of sequence flow not found\n"
        "command line: recipe.lr=fast: recipe.lr: 'fast' is not a number");
  CHECK(
      file.error({"recipe.lr=fast", "taks=all"}) ==
      "command line: recipe.lr=fast: recipe.lr: 'fast' is not a number\n"
      "command line: taks=all: unknown key 'taks'; did you mean 'tasks'? (known: name, model, "
      "models_root, data, runs, tasks, recipe, inner, seeds, outer_split, device, threads, "
      "workers, trials_per_device, deterministic, store_limit, search, outer, methods, pairs, "
      "refuse, soup, confirm, baseline, primary, comparisons, equivalence, at_chance, published)");
  CHECK(file.error({"model.x=1"}) ==
        "command line: model.x=1: model is 'tiny' and has nothing below it");
}

TEST_CASE("what is not a spec at all is one clear error") {
  CHECK(messages_of("") == "s.yaml:1:1: the spec: expected a map of key: value, not nothing");
  CHECK(messages_of("[1, 2]") == "s.yaml:1:1: the spec: expected a map of key: value, not a list");
  CHECK(messages_of("a: [1\nb: 2\n") ==
        "s.yaml:2:2: not valid YAML: end of sequence flow not found");
  CHECK(messages_of("{a: 1}\nb: 2\n") ==
        "s.yaml:2:1: a second document, or text that does not belong to the first");
  CHECK(messages_of(", a") ==
        "s.yaml:1:1: a second document, or text that does not belong to the first");
  CHECK(messages_of("? [a]\n: 1\n") == "s.yaml:1:3: not valid YAML: a key must be a name");
  CHECK(messages_of("a: 1\n---\nb: 2\n") ==
        "s.yaml:2:1: a second document, or text that does not belong to the first");
  CHECK_THROWS_WITH_AS(load("no/such.yaml"), "no/such.yaml: cannot read: No such file or directory",
                       InputError);
}

TEST_CASE("aliases are read, and a bomb or a loop of them is refused") {
  CHECK(SpecFile("model: m\nmethods: [swa]\ntasks: [{name: RTE, recipe: &r {lr: 1e-3}}, {name: "
                 "CoLA, recipe: *r}]\n")
            .load()
            .tasks[1]
            .recipe.train.lr == 1e-3);
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += (j > 0 ? ", " : "") + below;
    bomb += "]\n";
  }
  CHECK(messages_of(bomb).ends_with("not valid YAML: too large when unfolded"));
  CHECK(messages_of("a: &a [*a]\n") == "s.yaml:1:8: not valid YAML: an alias inside its anchor");
  CHECK(messages_of(std::string(5000, '[')).ends_with("not valid YAML: nested too deeply"));
}

TEST_CASE("duplicate, unknown and missing keys, and keys without a value") {
  CHECK(messages_of("model: tiny\ntasks: [RTE]\nrecipe: {lr: 1, lr: 2}\nmodel: big\nmethods:\n") ==
        "s.yaml:3:17: 'lr' is set twice, first in line 3\n"
        "s.yaml:4:1: 'model' is set twice, first in line 1\n"
        "s.yaml:5:1: methods has no value");
  CHECK(messages_of("name: x\n") ==
        "s.yaml:1:1: model is missing\n"
        "s.yaml:1:1: tasks is missing\n"
        "s.yaml:1:1: methods is missing");
  CHECK(messages_of(kLeast + "data: {rot: x}\n") ==
        "s.yaml:4:8: unknown key in data 'rot'; did you mean 'root'? (known: root, max_train_rows, "
        "max_selection_rows, max_dev_rows)");
}

TEST_CASE("a value of the wrong type or out of its range says what is allowed") {
  const auto with = [](const std::string& line) { return messages_of(kLeast + line); };
  CHECK(with("deterministic: maybe\n") ==
        "s.yaml:4:16: unknown deterministic 'maybe' (known: false, true)");
  CHECK(with("trials_per_device: 0\n") ==
        "s.yaml:4:20: trials_per_device is 0; it must be from 1 to 64");
  CHECK(with("recipe: {lr: '1e-5'}\n") ==
        "s.yaml:4:14: recipe.lr: '1e-5' in quotes is a text; write the number without them");
  CHECK(with("recipe: {lr: [1]}\n") == "s.yaml:4:14: recipe.lr: expected a number, not a list");
  CHECK(with("recipe: {lr: .nan}\n") == "s.yaml:4:14: recipe.lr: '.nan' is not a number");
  CHECK(with("recipe: {lr: inf}\n") == "s.yaml:4:14: recipe.lr: 'inf' is not a number");
  CHECK(with("recipe: {lr: 0}\n") == "s.yaml:4:14: recipe.lr is 0; it must be above 0");
  CHECK(with("recipe: {epochs: 1e300}\n") ==
        "s.yaml:4:18: recipe.epochs is 1e300; it must be above 0 and at most 1000000");
  CHECK(with("recipe: {lr: 1,5}\n") ==
        "s.yaml:4:16: unknown key in recipe '5' (known: preset, lr, batch_size, epochs, max_steps, "
        "schedule, warmup, first_step, weight_decay, decay_all, beta1, beta2, eps, max_grad_norm, "
        "dropout, attention_dropout, head_dropout, head_init, precision, accumulation, max_length, "
        "group_by_length, frozen_layers, frozen_dropout, snapshots, snapshot_start, ema_decay, "
        "target_scale)");
  CHECK(with("recipe: {warmup: 1.5}\n") ==
        "s.yaml:4:18: recipe.warmup is 1.5; it must be from 0 to 1");
  CHECK(with("recipe: {dropout: 1}\n") ==
        "s.yaml:4:19: recipe.dropout is 1; it must be at least 0 and below 1");
  CHECK(with("recipe: {dropout: -1}\n") ==
        "s.yaml:4:19: recipe.dropout is -1; it must be at least 0 and below 1");
  CHECK(with("recipe: {batch_size: 1.5}\n") ==
        "s.yaml:4:22: recipe.batch_size: 1.5 is not a whole number");
  CHECK(with("recipe: {decay_all: yes}\n") ==
        "s.yaml:4:21: unknown recipe.decay_all 'yes' (known: false, true)");
  CHECK(with("recipe: {schedule: cosin}\n") ==
        "s.yaml:4:20: unknown recipe.schedule 'cosin'; did you mean 'cosine'? (known: linear, "
        "constant, cosine)");
  CHECK(with("recipe: {preset: roberta}\n") ==
        "s.yaml:4:18: unknown preset 'roberta' (known: roberta_paper, hf_default, mosbach, bomf)");
  CHECK(with("recipe: 5\n") == "s.yaml:4:9: recipe: expected a map of key: value, not a value");
  CHECK(with("seeds: 0\n") == "s.yaml:4:8: seeds is 0; it must be from 1 to 1000");
  CHECK(with("seeds: [1, 1, -1]\n") ==
        "s.yaml:4:12: seed 1 is listed twice\n"
        "s.yaml:4:15: seeds: '-1' is not a whole number from 0 to 2^64 - 1");
  CHECK(with("seeds: []\n") == "s.yaml:4:8: seeds: the list is empty");
  CHECK(with("device: gpu\n") ==
        "s.yaml:4:9: device: 'gpu' is neither auto, cpu, cuda:N, cuda:all nor a list of cuda:N");
  CHECK(with("device: [cuda:0, cpu]\n") ==
        "s.yaml:4:18: device: 'cpu' is not cuda:N; a list is of GPUs");
  CHECK(with("device: [cuda:1, cuda:1]\n") ==
        "s.yaml:4:18: device: cuda:1 is listed twice; trials_per_device is how much goes on at "
        "once on each");
  CHECK(with("threads: 0\n") == "s.yaml:4:10: threads is 0; it must be from 1 to 100000");
  CHECK(with("outer_split: holdout:0.9\n") ==
        "s.yaml:4:14: outer_split: 'holdout:0.9' is neither dev nor holdout:SHARE with a share of "
        "train above 0 and at most 0.5");
  CHECK(with("name: ../x\n") ==
        "s.yaml:4:7: name: '../x' cannot name a folder; use letters, digits, '_', '-' and '.', the "
        "last two not first");
}

TEST_CASE("search variables are held to their table and to themselves") {
  const auto with = [](const std::string& line) {
    return messages_of(kLeast + "search:\n  " + line + "\n");
  };
  CHECK(with("lr: {low: 0, high: 1e-4, scale: log}") ==
        "s.yaml:5:13: search.lr.low is 0; it must be above 0");
  CHECK(with("warmup: {low: 0, high: 1, scale: log}") ==
        "s.yaml:5:17: search.warmup.low is 0; with 'scale: log' it must be above 0");
  CHECK(with("batch_size: {type: integer, low: 8.5, high: 32}") ==
        "s.yaml:5:36: search.batch_size.low: 8.5 is not a whole number");
  CHECK(with("batch_size: {type: real, low: 8, high: 32}") ==
        "s.yaml:5:22: search.batch_size.type cannot be real; 'batch_size' is integer or choice");
  CHECK(with("lr: {type: simplex, size: 3}") ==
        "s.yaml:5:14: search.lr.type cannot be simplex; 'lr' is real or choice");
  CHECK(with("batch_size: {values: [16, x, 16]}") ==
        "s.yaml:5:29: search.batch_size.values: 'x' is not a number\n"
        "s.yaml:5:32: search.batch_size.values: '16' is listed twice");
  CHECK(with("schedule: {values: [linear, step]}") ==
        "s.yaml:5:31: unknown search.schedule.values 'step' (known: linear, constant, cosine)");
  CHECK(with("lr: {high: 1e-4, hihg: 2}") ==
        "s.yaml:5:7: search.lr.low is missing\n"
        "s.yaml:5:20: unknown key in search.lr 'hihg'; did you mean 'high'? (known: type, low, "
        "high, scale, when)");
  CHECK(with("lr: {values: []}") == "s.yaml:5:16: search.lr.values: the list is empty");
  CHECK(messages(SpecFile(kLeast + "search:\n  lrr: {low: 1, high: 2}\n").error())
            .starts_with("s.yaml:5:3: unknown variable 'lrr'; did you mean 'lr'? (known: lr, "
                         "batch_size, "));
}

TEST_CASE("values that do not go together are refused") {
  const auto with = [](const std::string& lines) {
    return messages_of("model: m\ntasks: [RTE]\n" + lines);
  };
  CHECK(with("methods: [swa, bo, random_search]\n") ==
        "s.yaml:3:10: search is missing: bo(logei), random_search would have nothing to choose");
  CHECK(with("methods: [ema]\n") ==
        "s.yaml:2:8: method 'ema' needs recipe.ema_decay above 0, such as 0.99");
  CHECK(with("methods: [{bo_fusion: {acquisition: ei+hedge}}]\n") ==
        "s.yaml:3:37: unknown acquisition 'hedge' (known: ei, logei, pi, ucb)");
  CHECK(with("methods: [swa, swa]\n") == "s.yaml:3:16: method 'swa' is listed twice");
  CHECK(with("methods: [{swa: {k: 3}}]\n") ==
        "s.yaml:3:12: method 'swa' has no settings; write '- swa'");
  CHECK(with("methods: [swa]\nouter: {trials: 2, initial: 3}\n") ==
        "s.yaml:4:29: outer.initial is 3, more than outer.trials, which is 2");
  CHECK(with("methods: [swa]\nrecipe: {max_steps: 10, snapshots: 6}\n") ==
        "s.yaml:4:36: snapshots is 6, more than the 5 steps after snapshot_start (0.5)");
  CHECK(with("methods: [swa]\ndata: {max_train_rows: 32}\nrecipe: {epochs: 1, batch_size: 16}\n") ==
        "s.yaml:5:9: snapshots is 8, more than the 1 steps after snapshot_start (0.5)");
  CHECK(with("methods: [swa]\ndata: {max_train_rows: 8}\nrecipe: {epochs: 50}\n") ==
        "s.yaml:5:9: batch_size is 16, more than the 8 rows that data.max_train_rows leaves");
  CHECK(with("methods: [swa]\nrecipe: {batch_size: 4, accumulation: 8}\n") ==
        "s.yaml:4:39: accumulation is 8, more micro-batches than a batch of 4 has rows");
  CHECK(with("methods: [swa, lawa]\nrecipe: {snapshots: 2}\n") ==
        "s.yaml:2:8: inner.last_k is 3, more than the 2 snapshots");
  CHECK(
      with("methods: [bo_fusion]\ninner: {evaluations: 5}\n") ==
      "s.yaml:4:22: inner.evaluations is 5 and 8 snapshots make 11 starts: the inner loop's model "
      "would never be asked; give at least 12, better 22");
}

TEST_CASE("a user's own task names what is wrong with it") {
  const auto with = [](const std::string& task) {
    return messages_of("model: m\nmethods: [swa]\ntasks:\n  - " + task + "\n");
  };
  CHECK(
      with("{name: mine, train: t.tsv}") ==
      "s.yaml:4:5: tasks.0.dev is missing\n"
      "s.yaml:4:5: tasks.0.text is missing\n"
      "s.yaml:4:5: tasks.0.label is missing\n"
      "s.yaml:4:5: tasks.0.labels is missing: the classes as the files name them, in the order of "
      "their ids");
  CHECK(with("{name: RTE, train: t, dev: d, text: 0, label: 1, labels: [a, b]}") ==
        "s.yaml:4:12: 'RTE' is GLUE's own; name a task of yours differently");
  CHECK(with("{name: m, train: t, dev: d, text: [0, 1, 2], label: 1, labels: [a, a]}") ==
        "s.yaml:4:39: tasks.0.text: one text or a pair, not 3\n"
        "s.yaml:4:68: tasks.0.labels: one class only, 'a'; at least 2 are needed\n"
        "s.yaml:4:72: label 'a' is listed twice");
  CHECK(with("{name: m, train: t, dev: d, text: 0, label: 1, labels: [a, b], metric: [f1, "
             "pearson]}") ==
        "s.yaml:4:81: metric 'pearson' does not go with 'f1': one is for classes, one for numbers");
  CHECK(with("{name: m, train: t, dev: d, text: 0, label: 1, labels: [a, b, c], metric: [mcc, "
             "auroc]}") ==
        "s.yaml:4:79: metric 'auroc' is for two classes, not for 3; for those there are: accuracy, "
        "balanced_accuracy, f1_macro, f1_weighted, precision_macro, recall_macro, mcc");
  CHECK(with("{name: m, train: t, dev: d, text: 0, label: 1, labels: [a, b], metric: pearson}") ==
        "s.yaml:4:60: tasks.0.labels: a task scored by pearson has numbers, not classes");
  CHECK(with("{name: m, train: t.csv.gz, dev: d, text: 0, label: 1, labels: [a, b]}")
            .find("t.csv.gz' is csv and '") != std::string::npos);
  CHECK(
      with("{name: m, train: t.json, dev: d.jsonl.gz, text: x, label: y, labels: [a, b], quoting: "
           "true}") == "s.yaml:4:91: tasks.0.quoting: only TSV and CSV can have it");
  CHECK(with("{name: m, train: t.jsonl, dev: d.jsonl, text: 0, label: y, labels: [a, b], positive: "
             "c}") ==
        "s.yaml:4:51: tasks.0.text: JSON has fields with names, not column 0\n"
        "s.yaml:4:90: unknown tasks.0.positive 'c' (known: a, b)");
  CHECK(with("{name: m, train: t, dev: d, text: q, label: 1, labels: [a, b], header: false}") ==
        "s.yaml:4:5: tasks.0.header: a file without a header has no column names");
  CHECK(with("{nam: RTE}") == "s.yaml:4:5: tasks.0.name is missing");
  CHECK(messages_of("model: m\nmethods: [swa]\ntasks: [AX]\n") ==
        "s.yaml:3:9: task 'AX' has no training split; it tests a trained model");
  CHECK(messages_of("model: m\nmethods: [swa]\ntasks: [RTE, RTE]\n") ==
        "s.yaml:3:14: task 'RTE' is listed twice");
}

TEST_CASE("the nearest name is found across swaps, cases and one edit in three letters") {
  const std::vector<std::string_view> names = {"MRPC", "RTE", "batch_size", "ei", "logei"};
  CHECK(find_nearest("mrpc", names) == "MRPC");
  CHECK(find_nearest("MPRC", names) == "MRPC");
  CHECK(find_nearest("bacth_sise", names) == "batch_size");
  CHECK(find_nearest("eii", names) == "ei");
  CHECK(find_nearest("learning", names) == "");
  CHECK(find_nearest("", names) == "");
}

TEST_CASE("a name that is a word of the tables, or a folder's that is taken, is refused") {
  const auto with = [](const std::string& name) {
    return messages_of("model: ./m\ntasks:\n  - {name: " + name +
                       ", train: t.tsv, dev: d.tsv, text: 0, label: 1, labels: [a, b]}\n"
                       "methods: [swa]\n");
  };
  CHECK(with("average").find("'average' is a word of the tables") != std::string::npos);
  CHECK(with("verdict").find("'verdict' is a word of the tables") != std::string::npos);
  CHECK(with("mine_").find("'mine_': a task's name does not end with '_'") != std::string::npos);
  CHECK(with("mine") == "no error");
}

TEST_CASE("a spec file whose name names no folder asks for another") {
  const SpecFile file("model: ./m\ntasks: [RTE]\nmethods: [swa]\n", "..yaml");
  CHECK(file.error().find("'.', after the file, cannot name the run's folder") !=
        std::string::npos);
}

TEST_CASE("a size is a number with its unit") {
  const auto limit = [](const std::string& text) {
    return SpecFile("model: ./m\ntasks: [RTE]\nmethods: [swa]\nstore_limit: " + text + "\n");
  };
  CHECK(limit("16 GB").load().store_limit == 16'000'000'000);
  CHECK(limit("1.5MB").load().store_limit == 1'500'000);
  CHECK(limit("0 kB").load().store_limit == 0);
  CHECK(limit("16").error() ==
        "s.yaml:4:14: store_limit: '16' is not a number of kB, MB, GB or TB, as in 16 GB\n"
        "  store_limit: 16\n"
        "               ^");
  CHECK(limit("-1 GB").error().find("is not a number of kB") != std::string::npos);
}
