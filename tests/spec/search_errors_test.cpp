#include <doctest/doctest.h>

#include "bo/pruning.hpp"
#include "spec/fields.hpp"
#include "spec/problems.hpp"
#include "spec_file.hpp"

using namespace runner;
using namespace runner::spec;

TEST_CASE("a search that never asks its model is refused, one that hardly does is warned of") {
  const auto text = [](const std::string& lines) {
    return "model: m\ntasks: [RTE]\nmethods: [random_search, bo]\n"
           "search: {lr: {low: 1e-5, high: 1e-4}, warmup: {low: 0, high: 0.2}}\n" +
           lines;
  };
  const auto with = [&](const std::string& lines) { return messages_of(text(lines)); };
  const auto warned = [&](const std::string& lines) {
    std::string all;
    for (const std::string& warning : SpecFile(text(lines)).load().warnings) all += warning;
    return messages(all);
  };
  CHECK(with("outer: {trials: 3}\n") ==
        "s.yaml:5:17: outer.trials is 3 and the first 3 are the start design: the model of "
        "bo(logei) would never be asked; give at least 4, better 6");
  CHECK(warned("outer: {trials: 5}\n") ==
        "s.yaml:5:17: outer.trials is 5 and the first 3 are the start design: the model chooses "
        "fewer than half; 6 or more trials would be a search");
  CHECK(warned("outer: {trials: 6}\n").empty());
  CHECK(warned("").empty());  // 8 trials
  CHECK(messages_of("model: m\ntasks: [RTE]\nmethods: [random_search]\nouter: {trials: 2}\n"
                    "search: {lr: {low: 1e-5, high: 1e-4}}\n") == "no error");
  // Known good settings are part of the start design.
  CHECK(with("outer: {trials: 4, initial: 2, starts: [{lr: 3e-5}, {lr: 4e-5}, {warmup: 0.1}]}\n") ==
        "s.yaml:5:17: outer.trials is 4 and the first 4 are the start design: the model of "
        "bo(logei) would never be asked; give at least 5, better 8");
  CHECK(with("outer: {trials: 8, parallel: 6}\n") ==
        "s.yaml:5:30: outer.parallel is 6: of 8 trials none would be chosen with the outcomes of "
        "the start design, the first 3; give at most 5");
  CHECK(with("outer: {trials: 8, parallel: 5}\n") == "no error");
  CHECK(with("outer: {parallel: 0}\n") ==
        "s.yaml:5:19: outer.parallel is 0; it must be from 1 to 64");
  CHECK(messages_of("model: m\ntasks: [RTE]\nmethods: [bo_fusion]\nrecipe: {preset: bomf}\n"
                    "inner: {evaluations: 19}\n") ==
        "s.yaml:5:22: inner.evaluations is 19 and 15 snapshots make 19 starts: the inner loop's "
        "model would never be asked; give at least 20, better 38");
  const SpecFile bomf("model: m\ntasks: [RTE]\nmethods: [bo_fusion]\nrecipe: {preset: bomf}\n");
  CHECK(bomf.load().tasks[0].recipe.fusion.evaluations == 46);
  CHECK(bomf.load().warnings.empty());
  CHECK(bomf.load({"inner.evaluations=30"}).warnings.size() == 1);
}

TEST_CASE("a budget is an amount with its unit, and stands in place of trials and of grids") {
  const auto with = [](const std::string& outer, const std::string& methods = "bo") {
    return messages_of("model: m\ntasks: [RTE]\nsearch: {lr: {low: 1e-5, high: 1e-4}}\nmethods: [" +
                       methods + "]\nouter: {" + outer + "}\n");
  };
  CHECK(with("budget: 50000 examples") == "no error");
  CHECK(with("budget: 2e15flops, initial: 20") == "no error");  // plan knows how many it buys
  CHECK(with("budget: 6h, trials: 8") ==
        "s.yaml:5:17: outer.trials and outer.budget both say when a search ends; give one of the "
        "two");
  CHECK(with("budget: 6h", "bo, grid") ==
        "s.yaml:5:17: outer.budget: the points of grid depend on how many there are, which a "
        "budget does not say; give outer.trials, or leave grid out");
  for (const std::string bad : {"6", "6 days", "0 h", "-1 h", "many examples", "inf flops", "h"}) {
    CHECK(with("budget: " + bad) ==
          "s.yaml:5:17: outer.budget: '" + bad +
              "' is not a number above 0 with one of the units examples, flops, h, min, s, as in "
              "50000 examples, 2e15 flops, 6h");
  }
}

TEST_CASE("pruning is a rule of the table, and its reduction stands beside it alone") {
  const auto with = [](const std::string& outer) {
    return messages_of(
        "model: m\ntasks: [RTE]\nsearch: {lr: {low: 1e-5, high: 1e-4}}\n"
        "methods: [bo]\nouter: {" +
        outer + "}\n");
  };
  CHECK(with("pruning: median") == "no error");
  CHECK(with("pruning: none") == "no error");
  CHECK(with("pruning: halving, reduction: 2") == "no error");
  CHECK(with("pruning: halvin") ==
        "s.yaml:5:18: unknown outer.pruning 'halvin'; did you mean 'halving'? (known: none, "
        "median, halving)");
  CHECK(with("pruning: median, reduction: 1") ==
        "s.yaml:5:37: outer.reduction is 1; it must be from 1.5 to 10");
  const SpecFile alone(
      "model: m\ntasks: [RTE]\nsearch: {lr: {low: 1e-5, high: 1e-4}}\n"
      "methods: [random_search]\nouter: {reduction: 2}\n");
  REQUIRE(alone.load().warnings.size() == 1);
  CHECK(alone.load().warnings[0].find("outer.reduction: nothing is pruned without outer.pruning") !=
        std::string::npos);
  const auto words = field("outer.pruning").words;
  REQUIRE(words.size() == bo::pruning_rules().size() + 1);
  for (const std::string_view word : words.subspan(1))
    CHECK(bo::find_pruning_rule(word) != nullptr);
}

TEST_CASE("soups are of searches whose models can be mixed") {
  const auto with = [](const std::string& lines) {
    return messages_of("model: m\ntasks: [RTE]\n" + lines);
  };
  const std::string search = "search: {lr: {low: 1e-5, high: 1e-4}}\n";
  const SpecFile file(
      "model: m\ntasks: [RTE]\nmethods: [fine_tune, restarts, random_search, bo]\n" + search +
      "soup: all\n");
  std::string names;
  for (const Method& method : file.load().methods) names += method.name + " ";
  CHECK(names ==
        "fine_tune restarts random_search bo(logei) uniform_soup(random_search) "
        "greedy_soup(random_search) uniform_soup(bo(logei)) greedy_soup(bo(logei)) ");
  CHECK(with("methods: [restarts]\nsoup: [greedy]\n") ==
        "s.yaml:4:7: soup: no method searches hyperparameters; the models of one run, or of "
        "restarts, whose heads begin by their seeds, are not mixed");
  CHECK(with("methods: [bo]\n" + search + "soup: [greedy, greedy]\n") ==
        "s.yaml:5:16: soup: 'greedy' is listed twice");
  CHECK(with("methods: [bo]\n" + search + "soup: [gready]\n") ==
        "s.yaml:5:8: unknown soup 'gready'; did you mean 'greedy'? (known: uniform, greedy)");
  CHECK(with("methods: [bo]\nsearch: {lr: {low: 1e-5, high: 1e-4}, head_init: {values: [normal, "
             "uniform]}}\nsoup: all\n") ==
        "s.yaml:4:50: search.head_init: soup: mixes the models of a search's runs, which must have "
        "it in common");
}

TEST_CASE("a recipe outside of what is searched and a start outside of it are refused") {
  const auto with = [](const std::string& lines) {
    return messages_of(
        "model: m\ntasks: [RTE, {name: CoLA, recipe: {lr: 1e-3}}]\n"
        "methods: [bo]\n" +
        lines);
  };
  CHECK(with("search: {lr: {low: 1e-5, high: 1e-4}}\n") ==
        "s.yaml:4:14: search.lr leaves out 0.001, which is the recipe's for CoLA: every search "
        "begins with the recipe");
  CHECK(
      with("search: {lr: {low: 1e-5, high: 1e-2}, batch_size: {values: [8, 32]}}\n") ==
      "s.yaml:4:51: search.batch_size leaves out 16, which is the recipe's for RTE: every search "
      "begins with the recipe\n"
      "s.yaml:4:51: search.batch_size leaves out 16, which is the recipe's for CoLA: every search "
      "begins with the recipe");
  CHECK(with("search: {lr: {low: 1e-5, high: 1e-2}, epochs: {type: integer, low: 2, high: 4}}\n"
             "recipe: {epochs: 2.5}\n")
            .find("search.epochs leaves out 2.5") != std::string::npos);
  CHECK(with("search: {lr: {low: 1e-5, high: 1e-2}, schedule: {}}\n"
             "outer: {starts: [{lr: 1e-1}, {schedule: cosine}, {warmup: 0.1}]}\n") ==
        "s.yaml:5:23: outer.starts.0.lr is 1e-1, outside of what is searched: {type: real, low: "
        "1e-05, high: 0.01, scale: log}\n"
        "s.yaml:5:51: unknown key in outer.starts.2 'warmup' (known: lr, schedule)");
  // A spec that only fixes need not hold its recipe in a box that nobody searches.
  CHECK(messages_of("model: m\ntasks: [RTE]\nmethods: [swa]\n"
                    "search: {lr: {low: 1e-3, high: 1e-2}}\n") == "no error");
}

TEST_CASE("a pair that is none is refused") {
  const auto with = [](const std::string& method) {
    return messages_of(
        "model: m\ntasks: [RTE]\nsearch: {lr: {low: 1e-5, high: 1e-4}}\n"
        "methods:\n  - " +
        method + "\n");
  };
  CHECK(with("{search: random, fuse: bets}") ==
        "s.yaml:5:28: unknown fusion rule 'bets'; did you mean 'best'? (known: last, best, swa, "
        "lawa, ema, weighted, greedy, learned, bo, ehvi)");
  CHECK(with("{search: rando, fuse: best}") ==
        "s.yaml:5:14: unknown search 'rando'; did you mean 'random'? (known: none, restarts, "
        "random, grid, bo)");
  CHECK(with("{search: refuse, fuse: best}").find("unknown search 'refuse'") != std::string::npos);
  CHECK(with("{search: random}") == "s.yaml:5:5: methods.fuse is missing");
  CHECK(with("{search: {random: ei}, fuse: best}") ==
        "s.yaml:5:23: 'random' has no settings; write it alone");
  CHECK(with("{search: {bo: eii}, fuse: best}") ==
        "s.yaml:5:19: unknown acquisition 'eii'; did you mean 'ei'? (known: ei, logei, pi, ucb, "
        "hedge)");
  CHECK(with("{fuse: {bo: {objective: loss}}}") ==
        "s.yaml:5:29: unknown methods.fuse.bo.objective 'loss' (known: training_loss, "
        "selection_loss, selection_score)");
  CHECK(with("{fuse: {ehvi: [training_loss, training_loss]}}") ==
        "s.yaml:5:19: methods.fuse.ehvi: two different objectives are needed");
  CHECK(with("{fuse: {ehvi: training_loss}}") ==
        "s.yaml:5:19: methods.fuse.ehvi: two different objectives are needed");
  CHECK(with("{fuse: swa}\n  - swa") == "s.yaml:6:5: method 'swa' is listed twice");
  CHECK(with("ehvi\ninner: {objective: selection_score}")
            .starts_with("s.yaml:6:20: inner.objective is selection_score, which is the second"));
  CHECK(with("swa\nrefuse: all") ==
        "s.yaml:6:9: refuse: no method is {search: bo, fuse: best}, "
        "whose runs could be fused again");
  CHECK(with("bo\nrefuse: [swa, swa]") == "s.yaml:6:15: refuse: 'swa' is listed twice");
}
