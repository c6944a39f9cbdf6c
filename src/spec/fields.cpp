#include "spec/fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace runner::spec {
namespace {

constexpr std::string_view kAuto[] = {"auto"};
constexpr std::string_view kNoises[] = {"deterministic", "learned"};    // as bo::Noise
constexpr std::string_view kPruning[] = {"none", "median", "halving"};  // as bo::pruning_rules
constexpr std::string_view kFormats[] = {"tsv", "csv", "jsonl"};        // as SplitFile::Format
constexpr std::string_view kPairs[] = {"all", "none"};  // none: to switch them off in passing
constexpr Range kRows{.low = 0, .high = 1e9};
constexpr Range kAtOnce{.low = 1, .high = 100'000};

constexpr std::array kFields = {
    Field{"name", Shape::other, "", "the spec file's name without .yaml",
          "the run's folder below `runs`",
          "a run keeps to one spec: another name begins another run beside it",
          "letters, digits, `_`, `-`, `.`"},
    Field{"model", Shape::text, "", "",
          "the pretrained encoder: a folder below `models_root`, or, with a `/` in it, a path from "
          "the spec's folder",
          "what the whole study costs: a step of RoBERTa-base is seven of MiniLM's"},
    Field{"models_root", Shape::text, "", "`RUNNER_MODELS`, else `data/models` or `../data/models`",
          "where models without a `/` in their name lie", ""},
    Field{"runs", Shape::text, "", "`RUNNER_RUNS`, else `runs` in the current folder",
          "where the run's folder is made",
          "several hosts share cells and training runs where they share this folder"},
    Field{"device", Shape::other, "auto", "", "where training and evaluation compute",
          "auto takes the first GPU that LibTorch sees, else the CPU; tables of the two differ in "
          "the last digits, those of one GPU and of several do not",
          "`auto`, `cpu`, `cuda:N`, `cuda:all`, or a list as in `[cuda:0, cuda:1]`"},
    Field{"threads", Shape::integer, "auto", "", "threads of each cell's matrix products",
          "one thread for each of several cells is faster than several threads for one, as long as "
          "memory allows; no value changes a table",
          "", kAtOnce, kAuto},
    Field{"workers", Shape::integer, "auto", "", "cells that this process works on at once",
          "each holds weights, moments and snapshots of its own", "", kAtOnce, kAuto},
    Field{"trials_per_device",
          Shape::integer,
          "1",
          "",
          "cells, or trials side by side, at once on each GPU, on streams of their own",
          "2 fill a GPU that short runs leave idle, at twice the memory",
          "",
          {.low = 1, .high = 64}},
    Field{"deterministic", Shape::flag, "true", "",
          "on a GPU: the same bits every time, as always on a CPU",
          "false is a little faster, and its tables are not comparable bit by bit"},
    Field{"store_limit", Shape::other, "16 GB", "", "snapshots that `store/` keeps",
          "what is dropped is trained again, to the same bits, when a method asks for it once more",
          "a number with kB, MB, GB or TB"},

    Field{"tasks", Shape::other, "", "", "what is learned: each a column of the tables",
          "an average over few tasks says little about others",
          "`all` (GLUE's nine), names, or maps with the keys of tasks[]"},
    Field{"seeds",
          Shape::other,
          "[0]",
          "",
          "every method runs on each; the intervals are over them",
          "without a second seed there is no interval; differences of half a point want five and "
          "more",
          "a count N (0 to N-1), or a list of whole numbers from 0",
          {.low = 1, .high = 1000}},
    Field{
        "outer_split", Shape::other, "dev", "",
        "the rows that a search chooses by: a share of train, or the dev rows that the tables "
        "report",
        "dev as in the paper flatters whoever searches longest; holdout:0.1 to 0.2 is honest, and "
        "training loses those rows",
        "`dev`, `holdout:SHARE` with a share above 0 and at most 0.5"},
    Field{"data.root", Shape::text, "", "`RUNNER_GLUE`, else `data/glue` or `../data/glue`",
          "the folder of GLUE's folders (CoLA, SST-2, ...)", ""},
    Field{
        "data.max_train_rows", Shape::integer, "0", "",
        "train on a seeded stratified subset of so many rows; 0: on all",
        "a study that fits a night; its scores are below those of all rows, and its gains need not "
        "carry over",
        "", kRows},
    Field{"data.max_selection_rows", Shape::integer, "1000", "",
          "of the held out rows, those that are scored; 0: all",
          "fewer are cheaper and a noisier choice: of 1,000 rows at 85 % one standard error is 1.1 "
          "points",
          "", kRows},
    Field{"data.max_dev_rows", Shape::integer, "0", "",
          "report on a seeded subset of dev; 0: on all", "only for trials of the program itself",
          "", kRows},

    Field{
        "tasks[].name", Shape::other, "", "",
        "one of GLUE's names, to change its `recipe` or `inner`, or a name for a task of your own",
        "", "letters, digits, `_`, `-`, `.`"},
    Field{"tasks[].train", Shape::other, "", "of GLUE's tasks theirs", "the training rows", "",
          "one file: .tsv, .csv, .jsonl or .json, each also as .gz"},
    Field{"tasks[].dev", Shape::other, "", "of GLUE's tasks theirs",
          "the rows that the tables report; of several files the mean", "",
          "a file, or a list of them"},
    Field{"tasks[].test", Shape::other, "", "none", "rows without labels, for a submission", "",
          "a file, or a list of them"},
    Field{"tasks[].format",
          Shape::name,
          "",
          "from the suffix, before .gz",
          "how the files are read",
          "",
          "",
          {},
          kFormats},
    Field{"tasks[].header", Shape::flag, "true", "", "the first line names the columns", ""},
    Field{"tasks[].quoting", Shape::flag, "", "true of a CSV",
          "fields may stand in quotes and hold line breaks (RFC 4180)",
          "GLUE's files are read without: quotes there are text"},
    Field{"tasks[].text",
          Shape::other,
          "",
          "of GLUE's tasks theirs",
          "the column of the text, or two of a pair",
          "",
          "names, or 0-based numbers (-1: the last)",
          {.low = -1, .high = 10'000}},
    Field{"tasks[].label",
          Shape::other,
          "",
          "of GLUE's tasks theirs",
          "the column of the label",
          "",
          "a name, or a 0-based number (-1: the last)",
          {.low = -1, .high = 10'000}},
    Field{"tasks[].labels", Shape::other, "", "none where the metric is of numbers",
          "the classes as the files name them, in the order of their ids", "",
          "a list of 2 or more"},
    Field{"tasks[].positive", Shape::text, "", "the last of `labels`",
          "the class that metrics of two classes are about", ""},
    Field{"tasks[].metric", Shape::other, "accuracy", "",
          "what is scored; of several the mean. One of numbers makes a regression",
          "f1 and mcc say more than accuracy where one class is rare, and vary more",
          "names of `runner list metrics`"},
    Field{"tasks[].recipe", Shape::other, "", "as `recipe` above", "this task's own changes to it",
          "", "a map of recipe's keys"},
    Field{"tasks[].inner", Shape::other, "", "as `inner` above", "this task's own changes to it",
          "", "a map of inner's keys"},

    Field{"recipe", Shape::other, "{}", "", "every run's settings, before a search changes any", "",
          "a map, see below"},
    Field{"recipe.preset", Shape::name, "", "none", "a published recipe, before the other keys",
          "roberta_paper is the paper's, ten epochs; hf_default is three times as fast"},
    Field{"search", Shape::other, "", "none; must be given where a method searches",
          "the variables that the outer loop changes, with their bounds",
          "each one more wants several more trials: two or three for eight of them",
          "a map of variables, see below"},
    Field{"inner", Shape::other, "{}", "", "the inner loop's settings", "", "a map, see below"},

    Field{"outer.trials", Shape::integer, "8", "", "training runs of each method that searches",
          "what a study costs, times methods, tasks and seeds; below twice the start design the "
          "model has hardly a say",
          "", kAtOnce},
    Field{"outer.budget", Shape::other, "", "none: outer.trials says when",
          "what each search may spend instead",
          "examples and flops repeat to the bit, hours do not",
          "a number with examples, flops, h, min or s"},
    Field{
        "outer.initial", Shape::integer, "auto", "",
        "trials before the model is asked, the recipe and outer.starts among them; auto: one more "
        "than variables, at most 4",
        "more explore where the model would guess from nothing, and leave fewer to it", "", kAtOnce,
        kAuto},
    Field{"outer.starts", Shape::other, "", "none",
          "known good settings, tried right after the recipe; what they leave out is the recipe's",
          "cheap insurance; it is the same for every search, so that none gains by it",
          "a list of maps from searched variables to values"},
    Field{
        "outer.parallel",
        Shape::integer,
        "1",
        "",
        "trials of one search side by side: each is chosen without the outcomes of those beside "
        "it, "
        "which it keeps away from, whichever ends first",
        "q bring a search to its end in a q-th of the time, on as many workers, and leave a little "
        "more to be found (docs/scaling.md); a part of the method: it cannot change in a run",
        "",
        {.low = 1, .high = 64}},
    Field{"outer.beta",
          Shape::number,
          "4",
          "",
          "ucb minimises mean - sqrt(beta) stddev, outcomes standardised",
          "larger explores more; 0 trusts the mean",
          "",
          {.low = 0}},
    Field{"outer.noise",
          Shape::name,
          "learned",
          "",
          "whether two runs with the same settings may differ",
          "a seed is fixed within a cell, but the settings beside it are as good as other draws: "
          "deterministic takes each score at its word",
          "",
          {},
          kNoises},
    Field{"outer.pruning",
          Shape::name,
          "none",
          "",
          "the rule by which a run is stopped whose score under way is hopeless (docs/searches.md)",
          "saves much of what bad settings cost, and loses who begins slowly",
          "",
          {},
          kPruning},
    Field{"outer.reduction",
          Shape::number,
          "3",
          "",
          "a run is looked at after 1/reduction, 1/reduction^2, ... of its steps down to a tenth; "
          "halving lets 1/reduction of the runs go on",
          "smaller looks more often and stops later; each look scores the selection rows",
          "",
          {.low = 1.5, .high = 10}},

    Field{"methods", Shape::other, "", "none; must be given without `pairs`",
          "the rows of the comparison: a search with a fusion rule each",
          "methods share training runs where they ask for the same; every search adds "
          "outer.trials runs per task and seed",
          "`all`, names, `{bilevel: {outer: ei, inner: ucb}}`, or `{search: {bo: ei}, fuse: {bo: "
          "ucb}}`"},
    Field{"pairs",
          Shape::name,
          "none",
          "",
          "all: the paper's four, {ei, ucb} outside and inside, as rows of their own",
          "",
          "",
          {},
          kPairs},
    Field{"refuse", Shape::other, "", "none",
          "the runs that bo has found, fused again by these rules",
          "trains nothing, and tells which half of the method helps", "`all`, or rules"},
    Field{"soup", Shape::other, "", "none",
          "the fused models of each search's trials, mixed into one: means of all, or of the best",
          "trains nothing; a greedy one chooses by half of the selection rows and is judged on the "
          "other",
          "`all`, or names of `runner list soups`"},
    Field{"confirm",
          Shape::integer,
          "0",
          "",
          "runs with fresh seeds of what each search has chosen, their mean as a row",
          "a winner's own score is too good by having won; 3 cost three runs a search",
          "",
          {.low = 0, .high = 1000}},

    Field{"baseline", Shape::text, "", "fine_tune, where it is a row; else none",
          "what the table's differences are to", "", "a method, or `none`"},
    Field{"primary", Shape::other, "", "bilevel(ei,ucb) against bo, where both are rows; else none",
          "the one question that is tested by itself",
          "decide it before anything runs: a question chosen after the look at the table proves "
          "nothing",
          "`METHOD against METHOD`, or `none`"},
    Field{"comparisons", Shape::other, "",
          "each method against the baseline, and those that search twice against bo and "
          "random_search",
          "the other questions, corrected together (Holm)",
          "each one more makes all the others harder to decide",
          "a list of `METHOD against METHOD`, or `none`"},
    Field{"equivalence",
          Shape::number,
          "0.5",
          "",
          "points within which two methods count as equal",
          "wider decides sooner, and says less",
          "",
          {.low = 0, .low_open = true}},
    Field{"at_chance", Shape::other, "auto", "",
          "tasks that the second average leaves out; auto: where no method beats a constant answer",
          "", "`auto`, `none`, or tasks"},
    Field{"published", Shape::text, "", "none",
          "a CSV with rows of others (method, tasks, average, source), shown as published", ""},
};

}  // namespace

std::string_view Field::section() const {
  const std::size_t dot = path.find('.');
  return dot == path.npos ? std::string_view() : path.substr(0, dot);
}

std::string_view Field::key() const {
  const std::size_t dot = path.find('.');
  return dot == path.npos ? path : path.substr(dot + 1);
}

std::span<const Field> fields() { return kFields; }

const Field& field(std::string_view path) {
  const auto row = std::ranges::find(kFields, path, &Field::path);
  if (row == kFields.end()) throw std::logic_error(fmt::format("no field '{}' in the table", path));
  return *row;
}

}  // namespace runner::spec
