#include "spec/variables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <type_traits>

#include "bo/conditions.hpp"
#include "io/csv.hpp"

namespace runner::spec {
namespace {

using bo::Type;

constexpr double kAny = std::numeric_limits<double>::infinity();
constexpr std::string_view kFlag[] = {"false", "true"};
constexpr std::string_view kSchedule[] = {"linear", "constant", "cosine"};
constexpr std::string_view kFirstStep[] = {"zero", "one"};
constexpr std::string_view kHeadInit[] = {"normal", "uniform"};
constexpr std::string_view kPrecision[] = {"fp32", "bf16"};

constexpr Range kPositive{.low = 0, .high = kAny, .low_open = true};
constexpr Range kNotNegative{.low = 0, .high = kAny};
constexpr Range kShare{.low = 0, .high = 1};  // 0 and 1 included
constexpr Range kBelowOne{.low = 0, .high = 1, .high_open = true};
constexpr Range kCount{.low = 1, .high = 1e6};

// A field whose value is a number, and one whose values have names.
constexpr VariableRow number(std::string_view name, Type type, Range range, bool log,
                             std::string_view summary, std::string_view trade_off,
                             Slot (*slot)(Trial&), std::string_view unset = {}) {
  return {name, summary, trade_off, type, range, log, {}, unset, slot};
}
constexpr VariableRow named(std::string_view name, std::span<const std::string_view> values,
                            std::string_view summary, std::string_view trade_off,
                            Slot (*slot)(Trial&)) {
  return {name, summary, trade_off, Type::choice, {}, false, values, {}, slot};
}

template <auto field>
Slot of_train(Trial& trial) {
  return &(trial.train.*field);
}
template <auto field>
Slot of_fusion(Trial& trial) {
  return &(trial.fusion.*field);
}

constexpr std::array kVariables = {
    number("lr", Type::real, kPositive, true, "peak learning rate",
           "above 3e-5 some seeds of some tasks collapse to one class; below 1e-5 short runs do "
           "not arrive",
           of_train<&train::Options::lr>),
    number("batch_size", Type::integer, kCount, true, "rows per optimiser step",
           "larger ones are faster a row on a GPU, make fewer steps, and want a larger lr",
           of_train<&train::Options::batch_size>),
    number("epochs", Type::real, {.low = 0, .high = 1e6, .low_open = true}, false,
           "passes over the training split; 2.5 is allowed",
           "cost is in proportion; small tasks need more of them (the papers: 10 to 20)",
           of_train<&train::Options::epochs>),
    number("max_steps", Type::integer, {.low = 0, .high = 1e12}, true,
           "optimiser steps in place of epochs; 0: as epochs says",
           "the same number of steps whatever the rows; learning rates are planned for it",
           of_train<&train::Options::max_steps>),
    named("schedule", kSchedule, "learning rate after warm-up: down to 0, or constant",
          "a rate that ends at 0 makes the last snapshots nearly equal, which leaves nothing to "
          "fuse; constant keeps them apart and the last one noisy",
          of_train<&train::Options::schedule>),
    number("warmup", Type::real, kShare, false, "share of all steps with a rising learning rate",
           "none at all makes collapses likelier at a high lr", of_train<&train::Options::warmup>),
    named("first_step", kFirstStep, "learning rate of step 1: zero, or one step of the warm-up",
          "zero as Hugging Face, one as fairseq; matters in short runs alone",
          of_train<&train::Options::first_step>),
    number("weight_decay", Type::real, kNotNegative, false, "AdamW's decoupled decay",
           "0.1 in the RoBERTa paper, 0 in Hugging Face's example",
           of_train<&train::Options::weight_decay>),
    named("decay_all", kFlag, "decay biases and LayerNorm too",
          "true as fairseq has it, false as Hugging Face", of_train<&train::Options::decay_all>),
    number("beta1", Type::real, kBelowOne, false, "AdamW's decay of the mean gradient", "",
           of_train<&train::Options::beta1>),
    number("beta2", Type::real, kBelowOne, false, "AdamW's decay of the mean squared gradient",
           "0.98 forgets sooner, as in the RoBERTa paper: steadier where gradients change fast",
           of_train<&train::Options::beta2>),
    number("eps", Type::real, kPositive, true, "AdamW's epsilon",
           "1e-6 damps the first steps of parameters that have seen little",
           of_train<&train::Options::eps>),
    number("max_grad_norm", Type::real, kNotNegative, false,
           "gradients are scaled down to this norm; 0: never",
           "1 catches the rare huge step; the norm is a pass over the gradients",
           of_train<&train::Options::max_grad_norm>),
    number("dropout", Type::real, kBelowOne, false,
           "of hidden states; config: as the checkpoint says",
           "0 is faster and overfits small tasks sooner", of_train<&train::Options::dropout>,
           "config"),
    number("attention_dropout", Type::real, kBelowOne, false,
           "of attention probabilities; config: as the checkpoint says", "",
           of_train<&train::Options::attention_dropout>, "config"),
    number("head_dropout", Type::real, kBelowOne, false,
           "of the classification head; config: as the checkpoint says", "",
           of_train<&train::Options::head_dropout>, "config"),
    named("head_init", kHeadInit, "the head starts as Hugging Face's (normal) or nn.Linear's", "",
          of_train<&train::Options::head_init>),
    named("precision", kPrecision, "of the matrix products",
          "bf16 is much faster where the processor or the GPU has it, and rounds the products",
          of_train<&train::Options::precision>),
    number("accumulation", Type::integer, kCount, false, "micro-batches per optimiser step",
           "less memory, the same step up to rounding", of_train<&train::Options::accumulation>),
    number("max_length", Type::integer, {.low = 4, .high = 1e6}, true,
           "tokens per row, specials included; longer rows are cut",
           "cost grows with the tokens; at 128 one RTE row in eight loses text, of the other tasks "
           "none of GLUE measured does",
           of_train<&train::Options::max_length>),
    named("group_by_length", kFlag, "batches of rows of similar length",
          "false is the plain random order, and computes 1.4 to 2.5 times the tokens for padding",
          of_train<&train::Options::group_by_length>),
    number("frozen_layers", Type::integer, {.low = 0, .high = 1000}, false,
           "embeddings and this many lower layers are not trained; 0: all are",
           "faster and smaller; the encoder adapts less", of_train<&train::Options::frozen_layers>),
    named("frozen_dropout", kFlag,
          "dropout in frozen layers too; false: their outputs are computed once and kept",
          "false trains a little differently, and a third faster",
          of_train<&train::Options::frozen_dropout>),
    number("snapshots", Type::integer, kCount, false, "checkpoints of the run that can be fused",
           "each is a whole model in memory and in the store; the inner loop wants twice its "
           "starts in evaluations, and each snapshot is a start",
           of_train<&train::Options::snapshots>),
    number("snapshot_start", Type::real, kBelowOne, false,
           "share of all steps before the first snapshot", "earlier ones differ more and are worse",
           of_train<&train::Options::snapshot_start>),
    number("ema_decay", Type::real, kBelowOne, false,
           "of the moving average of the weights, per step; 0: none",
           "one pass over the weights a step; the nearer to 1, the longer its memory",
           of_train<&train::Options::ema_decay>),
    number("target_scale", Type::real, kPositive, false,
           "regression targets are divided by this in training",
           "5 for STS-B as fairseq: a loss of the size of the others",
           of_train<&train::Options::target_scale>),
    number("inner_evaluations", Type::integer, kCount, false,
           "fusions scored by the inner loop, its starts included",
           "each is a pass over `rows` rows; below twice the starts the model has hardly a say",
           of_fusion<&fusion::Options::evaluations>),
    number("inner_rows", Type::integer, kCount, true, "training rows a fusion is scored on",
           "more say the training loss better, at a cost in proportion",
           of_fusion<&fusion::Options::rows>),
    number("inner_beta", Type::real, kNotNegative, false,
           "the inner loop's UCB: mean - sqrt(beta) stddev, outcomes standardised",
           "larger explores more; 0 trusts the mean", of_fusion<&fusion::Options::beta>),
    number("inner_stop_expected_improvement", Type::real, kNotNegative, true,
           "the inner loop ends when no fusion promises more, in stddevs of the losses seen",
           "larger ends sooner; 0 spends all evaluations",
           of_fusion<&fusion::Options::stop_expected_improvement>),
    named("inner_precision", fusion::kPrecisionNames,
          "of the products of the loss on those rows; run: as the run is trained",
          "bf16 halves the time; its wiggle is measured by four of the starts and taken for noise",
          of_fusion<&fusion::Options::precision>),
    named("inner_objective", fusion::kObjectiveNames, "what the inner loop lowers by the weights",
          "training_loss is the paper's; the other two look at the rows that selection chooses by, "
          "and flatter the choice",
          of_fusion<&fusion::Options::objective>),
    number("inner_last_k", Type::integer, kCount, false, "snapshots that lawa averages",
           "fewer are later and better single models, more average out more",
           of_fusion<&fusion::Options::last_k>),
};

}  // namespace

double VariableRow::get(const Trial& trial) const {
  Trial copy = trial;  // a slot can be written to, the trial cannot
  return std::visit([](const auto* field) { return static_cast<double>(*field); }, slot(copy));
}

void VariableRow::set(Trial& trial, double value) const {
  std::visit(
      [value](auto* field) {
        using Field = std::remove_pointer_t<decltype(field)>;
        if constexpr (std::is_same_v<Field, double>) {
          *field = value;
        } else {
          *field = static_cast<Field>(std::llround(value));
        }
      },
      slot(trial));
}

std::string VariableRow::written(double value) const {
  if (type == Type::choice) return std::string(values[static_cast<std::size_t>(value)]);
  if (!unset.empty() && value < range.low) return std::string(unset);
  return type == Type::integer ? fmt::format("{}", std::llround(value)) : io::number(value);
}

std::optional<double> VariableRow::read(const Node& node, std::string_view what,
                                        Problems& problems) const {
  if (!unset.empty() && node.kind == Node::Kind::scalar && node.text == unset) return -1.0;
  if (type == Type::real) return read_number(node, what, range, problems);
  if (type == Type::integer) {
    const auto whole = read_integer(node, what, range, problems);
    if (!whole) return {};
    return static_cast<double>(*whole);
  }
  const auto index = read_name(node, what, values, problems);
  if (!index) return {};
  return static_cast<double>(*index);
}

std::span<const VariableRow> variables() { return kVariables; }

const VariableRow* find_variable(std::string_view name) {
  const auto row = std::ranges::find(kVariables, name, &VariableRow::name);
  return row == kVariables.end() ? nullptr : &*row;
}

std::vector<std::string_view> variable_names() {
  std::vector<std::string_view> names;
  for (const VariableRow& variable : kVariables) names.push_back(variable.name);
  return names;
}

void apply(Trial& trial, const bo::Variable& searched, double value) {
  const VariableRow* const row = find_variable(searched.name);
  assert(row != nullptr);
  if (searched.type != Type::choice) {
    row->set(trial, value);
    return;
  }
  const std::string& text = searched.values[static_cast<std::size_t>(std::llround(value))];
  if (text == row->unset) {
    row->set(trial, -1.0);
  } else if (row->type == Type::choice) {
    row->set(trial,
             static_cast<double>(std::ranges::find(row->values, text) - row->values.begin()));
  } else {
    double number = 0.0;
    io::parse_number(text, number);
    row->set(trial, number);
  }
}

std::optional<double> column_of(const bo::Variable& searched, const Trial& trial) {
  const VariableRow* const row = find_variable(searched.name);
  assert(row != nullptr);
  const double value = row->get(trial);
  if (searched.type == Type::choice) {
    for (std::size_t i = 0; i < searched.values.size(); ++i) {
      Trial chosen = trial;
      apply(chosen, searched, static_cast<double>(i));
      if (row->get(chosen) == value) return static_cast<double>(i);
    }
    return {};
  }
  const bool whole = searched.type != Type::integer || value == std::floor(value);
  if (!whole || value < searched.low || value > searched.high) return {};
  return value;
}

std::vector<std::optional<double>> columns_of(const std::vector<bo::Variable>& search,
                                              const Trial& trial) {
  std::vector<std::optional<double>> columns;
  bo::Point point;
  for (const bo::Variable& searched : search) {
    columns.push_back(column_of(searched, trial));
    point.push_back(columns.back().value_or(std::nan("")));
  }
  const std::vector<bool> exists = bo::existing({search}, point);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (!exists[i]) columns[i] = 0.0;
  }
  return columns;
}

std::string written(const bo::Variable& searched, double value) {
  switch (searched.type) {
    case Type::choice:
      return searched.values[static_cast<std::size_t>(std::llround(value))];
    case Type::integer:
      return fmt::format("{}", std::llround(value));
    case Type::real:
    case Type::simplex:
      break;
  }
  return io::number(value);
}

}  // namespace runner::spec
