#include <doctest/doctest.h>

#include <set>

#include "fusion/rules.hpp"
#include "spec/methods.hpp"
#include "spec/presets.hpp"
#include "spec/variables.hpp"

using namespace runner;
using namespace runner::spec;

namespace {

Node scalar(const std::string& text) {
  static const Source source{"test", {}, {}};
  Node node;
  node.kind = Node::Kind::scalar;
  node.text = text;
  node.place.source = &source;
  return node;
}

// A value of the row that differs from `other`.
double another_value(const VariableRow& row, double other) {
  if (row.type == bo::Type::choice) return other == 0.0 ? 1.0 : 0.0;
  if (row.type == bo::Type::integer) return other + 1.0;
  return row.range.contains(other * 0.5) && other != 0.0 ? other * 0.5 : 0.25;
}

}  // namespace

TEST_CASE("every variable has its own field, and reads what it writes") {
  std::set<std::string_view> names;
  for (const VariableRow& row : variables()) {
    CAPTURE(row.name);
    CHECK(names.insert(row.name).second);
    CHECK_FALSE(row.summary.empty());
    CHECK(find_variable(row.name) == &row);
    Trial trial;
    const double usual = row.get(trial);
    Problems problems;
    CHECK(row.read(scalar(row.written(usual)), "x", problems) == usual);
    const double changed = another_value(row, usual);
    row.set(trial, changed);
    CHECK(row.get(trial) == changed);
    CHECK(row.read(scalar(row.written(changed)), "x", problems) == changed);
    CHECK(problems.empty());
    for (const VariableRow& other : variables()) {
      if (&other != &row) CHECK(other.get(trial) == other.get(Trial{}));
    }
  }
}

TEST_CASE("a searched value lands in the trial whatever the variable's type") {
  Trial trial;
  apply(trial, {.name = "lr", .values = {}}, 3e-5);
  CHECK(trial.train.lr == 3e-5);
  apply(trial, {.name = "batch_size", .type = bo::Type::integer, .values = {}}, 24.0);
  CHECK(trial.train.batch_size == 24);
  apply(trial, {.name = "batch_size", .type = bo::Type::choice, .values = {"8", "16"}}, 1.0);
  CHECK(trial.train.batch_size == 16);
  apply(trial, {.name = "schedule", .type = bo::Type::choice, .values = {"cosine", "linear"}}, 0.0);
  CHECK(trial.train.schedule == train::Schedule::cosine);
  apply(trial, {.name = "dropout", .type = bo::Type::choice, .values = {"0.2", "config"}}, 1.0);
  CHECK(trial.train.dropout == -1.0);
  apply(trial, {.name = "inner_rows", .type = bo::Type::integer, .values = {}}, 99.0);
  CHECK(trial.fusion.rows == 99);
  CHECK(written(bo::Variable{.name = "lr", .values = {}}, 1e-5) == "1e-05");
  CHECK(written(bo::Variable{.name = "a", .type = bo::Type::choice, .values = {"x", "y"}}, 1) ==
        "y");
  CHECK(written(bo::Variable{.name = "a", .type = bo::Type::integer, .values = {}}, 1e6) ==
        "1000000");
}

TEST_CASE("the presets are the published recipes") {
  const auto recipe = [](std::string_view name, std::string_view task) {
    for (const Preset& preset : presets()) {
      if (preset.name != name) continue;
      Trial trial;
      preset.apply(trial, task);
      return trial.train;
    }
    FAIL("no preset ", name);
    return train::Options{};
  };
  for (const char* task : {"CoLA", "MRPC", "MNLI"}) CHECK(recipe("roberta_paper", task).lr == 1e-5);
  for (const char* task : {"RTE", "STS-B"}) CHECK(recipe("roberta_paper", task).lr == 2e-5);
  CHECK(recipe("roberta_paper", "RTE").batch_size == 16);
  CHECK(recipe("roberta_paper", "MNLI").batch_size == 32);
  const train::Options paper = recipe("roberta_paper", "STS-B");
  CHECK(paper.epochs == 10.0);
  CHECK(paper.warmup == 0.06);
  CHECK(paper.beta2 == 0.98);
  CHECK(paper.eps == 1e-6);
  CHECK(paper.weight_decay == 0.1);
  CHECK(paper.decay_all);
  CHECK(paper.max_grad_norm == 0.0);
  CHECK(paper.head_dropout == 0.0);
  CHECK(paper.head_init == train::HeadInit::uniform);
  CHECK(paper.first_step == train::FirstStep::one);
  CHECK(paper.target_scale == 5.0);
  CHECK(recipe("roberta_paper", "RTE").target_scale == 1.0);
  const train::Options hf = recipe("hf_default", "RTE");
  CHECK(hf.lr == 5e-5);
  CHECK(hf.batch_size == 8);
  CHECK(hf.epochs == 3.0);
  CHECK(hf.warmup == 0.0);
  CHECK(hf.eps == 1e-8);
  CHECK(hf.weight_decay == 0.0);
  CHECK_FALSE(hf.decay_all);
  CHECK(hf.max_grad_norm == 1.0);
  CHECK(hf.first_step == train::FirstStep::zero);
  const train::Options mosbach = recipe("mosbach", "RTE");
  CHECK(mosbach.epochs == 20.0);
  CHECK(mosbach.warmup == 0.1);
  CHECK(mosbach.eps == 1e-6);
  CHECK(mosbach.weight_decay == 0.01);
  CHECK(mosbach.schedule == train::Schedule::linear);
  const train::Options bomf = recipe("bomf", "RTE");
  CHECK(bomf.epochs == 10.0);
  CHECK(bomf.warmup == 0.2);
  CHECK(bomf.schedule == train::Schedule::constant);
  CHECK(bomf.beta2 == 0.98);
  CHECK(bomf.weight_decay == 0.1);
  CHECK(bomf.snapshots == 15);
  CHECK(bomf.snapshot_start == 0.5);
}

TEST_CASE("every method has acquisitions just where it searches") {
  std::set<std::string_view> names;
  for (const MethodKind& kind : method_kinds()) {
    CAPTURE(kind.name);
    CHECK(names.insert(kind.name).second);
    CHECK_FALSE(kind.summary.empty());
    CHECK((kind.search == Search::bo) == !kind.outer.empty());
    CHECK((kind.rule == "bo") == !kind.inner.empty());
    const Method method = make_method(kind.search, kind.rule, kind.outer, kind.inner);
    CHECK(method.kind == kind.name);
    CHECK(method.search == kind.search);
    CHECK(fusion::find_rule(kind.rule) != nullptr);
  }
}

TEST_CASE("every search goes with every fusion rule, under a name of its own") {
  std::set<std::string> names;
  for (const SearchKind& search : searches()) {
    if (search.search == Search::refuse || search.search == Search::soup) continue;
    for (const fusion::Rule& rule : fusion::rules()) {
      const Method method = make_method(search.search, rule.name, "ei", "ucb");
      CAPTURE(method.name);
      CHECK(names.insert(method.name).second);
      CHECK((method.search == Search::bo) == !method.outer.empty());
      CHECK((method.rule == "bo") == !method.inner.empty());
    }
  }
  using fusion::Objective;
  const auto name = [](Search search, std::string_view rule,
                       std::vector<Objective> objectives = {}) {
    return make_method(search, rule, "ei", "ucb", std::move(objectives)).name;
  };
  CHECK(name(Search::none, "last") == "fine_tune");
  CHECK(name(Search::none, "bo") == "bo_fusion(ucb)");
  CHECK(name(Search::random, "best") == "random_search");
  CHECK(name(Search::random, "swa") == "random+swa");
  CHECK(name(Search::random, "bo") == "random+bo(ucb)");
  CHECK(name(Search::bo, "best") == "bo(ei)");
  CHECK(name(Search::bo, "ehvi") == "bo(ei)+ehvi");
  CHECK(name(Search::bo, "bo") == "bilevel(ei,ucb)");
  CHECK(name(Search::bo, "bo", {Objective::selection_score}) == "bilevel(ei,ucb,selection_score)");
  CHECK(name(Search::none, "ehvi", {Objective::selection_loss, Objective::training_loss}) ==
        "ehvi(selection_loss,training_loss)");
}
