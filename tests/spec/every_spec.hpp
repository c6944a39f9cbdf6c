#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "spec/fields.hpp"
#include "spec/variables.hpp"

namespace runner::spec {

// Scalars of every kind that some field takes, and of the kinds that only look like it.
inline constexpr const char* kScalars[] = {"0",
                                           "1",
                                           "16",
                                           "-1",
                                           "2.0",
                                           "1e1",
                                           "+3",
                                           ".5",
                                           "5.",
                                           "0.5",
                                           "1e-5",
                                           "007",
                                           "0x10",
                                           "'1'",
                                           "1e400",
                                           "1e-400",
                                           "inf",
                                           ".inf",
                                           "nan",
                                           "1_000",
                                           "auto",
                                           "none",
                                           "all",
                                           "true",
                                           "True",
                                           "'true'",
                                           "no",
                                           "x",
                                           "''",
                                           "~",
                                           "'null'",
                                           "2026-11-26",
                                           "-x",
                                           ".x",
                                           "config",
                                           "linear",
                                           "zero",
                                           "normal",
                                           "bf16",
                                           "training_loss",
                                           "deterministic",
                                           "[1, 2]",
                                           "{}"};

// What else fields with a form of their own take, and what is near to it.
inline constexpr const char* kForms[] = {
    "cpu",
    "cuda:0",
    "cuda:12",
    "cuda:123",
    "dev",
    "holdout:0.1",
    "holdout:+.25",
    "holdout: 0.1",
    "16 GB",
    "1.5TB",
    "-0 GB",
    "1e3kB",
    "16 GiB",
    "6h",
    "6 h",
    "+.5min",
    "50000 examples",
    "2e15 flops",
    "0 s",
    "csv",
    "f1",
    "bomf",
    "RTE",
    "../tiny",
    "fine_tune",
    "bo",
    "ema",
    "fine_tune against swa",
    "x against x",
    "published.csv",
    "nowhere.csv",
    "[]",
    "[1]",
    "[0, 18446744073709551615]",
    "[x, y]",
    "[0, 1, 2]",
    "[true, false]",
    "[a, 1]",
    "[[1]]",
    "[~]",
    "[all]",
    "[RTE]",
    "[f1, accuracy]",
    "[mse]",
    "[RTE, {name: CoLA, recipe: {lr: 1e-5}, inner: {rows: 8}}]",
    "{name: RTE}",
    "[{name: RTE}]",
    "[swa against fine_tune]",
    "[last, best]",
    "[fine_tune, swa]",
    "[{bo: {}}]",
    "[swa, {bo: {acquisition: ei}}]",
    "[{bilevel: {outer: ei+ucb, inner: hedge}}]",
    "[{bo: ei}]",
    "[{search: {bo: ei}, fuse: {bo: ucb}}]",
    "[{search: random, fuse: greedy}]",
    "[{fuse: swa}]",
    "[{fuse: {ehvi: [training_loss, selection_score]}}]",
    "[{search: grid}]",
    "[{swa: {}}]",
    "[{search: bo, fuse: {bo: {acquisition: pi, objective: selection_loss}}}]",
    "[{search: bo, fuse: {bo: {objective: [selection_loss]}}}]",
    "[{fuse: {bo: {x: y}}}]",
    "{lr: 1e-5}",
    "[{lr: 2e-5}]",
    "[{lr: 2e-5}, {}]",
    "[{warmup: 0}]",
    "{preset: mosbach}",
    "{rows: 64}",
    "{lr: {low: 1e-6, high: 1e-4}}",
    "{schedule: {}}",
    "{lr: {type: choice, values: [1e-5, 2e-5]}}",
    "{lr: {values: 2e-5}}",
    "{lr: {low: 1e-6}}",
    "{epochs: {type: integer, low: 1, high: 4}}",
    "{lr: {type: simplex, size: 2}}",
    "{lr: {low: 1e-6, high: 1e-4, when: {first_step: zero}}, first_step: {}}",
    "{inner_rows: {low: 8, high: 256, scale: log}}",
    "{dropout: {values: [config, 0.1]}}",
    "{batch_size: {values: [16, 16.0]}}",
    "{batch_size: {type: integer, low: 8, high: 3.2e1}}",
    "{warmup: {low: 0, high: 0.1, scale: linear}}",
    "{warmup: {type: real, values: [0.1]}}"};

inline constexpr const char* kLeastTask =
    "{name: mine, train: /a.tsv, dev: /b.tsv, text: 0, label: 1, labels: [x, y]";

// A spec of which `path` says `text`, and that path as the table has it.
struct Written {
  std::string path, spec;
};

inline std::string with(const std::vector<std::pair<std::string, std::string>>& lines) {
  std::vector<std::pair<std::string, std::string>> all = {
      {"model", "tiny"}, {"tasks", "[RTE]"}, {"methods", "[fine_tune, swa]"}};
  for (const auto& [key, value] : lines) {
    const auto same = std::ranges::find(all, key, &std::pair<std::string, std::string>::first);
    if (same == all.end()) {
      all.emplace_back(key, value);
    } else {
      same->second = value;
    }
  }
  std::string text;
  for (const auto& [key, value] : all) text += fmt::format("{}: {}\n", key, value);
  return text;
}

inline const std::pair<std::string, std::string> kSearch = {"search",
                                                            "{lr: {low: 1e-6, high: 1e-4}}"};
inline const std::pair<std::string, std::string> kSearching = {
    "methods", "[fine_tune, swa, random_search, bo]"};

// The field with this text, in specs where it may stand.
inline std::vector<Written> saying(const Field& row, const std::string& text) {
  const std::string path(row.path), key(row.key()), section(row.section());
  const std::string entry = fmt::format("{{{}: {}}}", key, text);
  if (section.empty()) return {{path, with({kSearching, kSearch, {path, text}})}};
  if (section == "outer") return {{path, with({kSearching, kSearch, {section, entry}})}};
  if (section != "tasks[]") return {{path, with({{section, entry}})}};
  std::vector<Written> specs;
  for (std::string task : {kLeastTask, "{name: RTE"}) {
    if (const std::size_t at = task.find(key + ": "); at != std::string::npos) {
      const std::size_t end = key == "labels" ? task.size() : task.find(", ", at);
      task.erase(at, end == task.npos ? task.npos : end + 2 - at);
    }
    const char* const comma = task.ends_with("{") || task.ends_with(", ") ? "" : ", ";
    specs.push_back(
        {path, with({{"tasks", fmt::format("[{}{}{}: {}}}]", task, comma, key, text)}})});
  }
  return specs;
}

// The variable with this text: fixed, searched and as a start.
inline std::vector<Written> saying(const VariableRow& row, const std::string& text) {
  const std::string section = row.is_inner() ? "inner" : "recipe", name(row.name);
  const std::string path = fmt::format("{}.{}", section, row.key());
  const auto search = [&](const std::string& how) {
    return Written{"search." + name, with({{"search", fmt::format("{{{}: {{{}}}}}", name, how)}})};
  };
  return {{path, with({{section, fmt::format("{{{}: {}}}", row.key(), text)}})},
          search(fmt::format("low: {0}, high: {0}", text)),
          search(fmt::format("values: {}", text)),
          {"outer.starts", with({{"search", fmt::format("{{{}: {{values: [{}]}}}}", name, text)},
                                 {"outer", fmt::format("{{starts: [{{{}: {}}}]}}", name, text)}})}};
}

// Every field and variable with every text that it might take.
inline std::vector<Written> everything() {
  std::vector<Written> specs;
  const auto add = [&](std::vector<Written> more) {
    std::ranges::move(more, std::back_inserter(specs));
  };
  for (const Field& row : fields()) {
    for (const char* const text : kScalars) add(saying(row, text));
    if (row.shape != Shape::other && row.shape != Shape::text) {
      for (const std::string_view word : row.words) add(saying(row, std::string(word)));
      continue;
    }
    for (const char* const text : kForms) add(saying(row, text));
  }
  for (const VariableRow& row : variables()) {
    for (const char* const text : kScalars) add(saying(row, text));
  }
  add(saying(field("recipe.preset"), "roberta_paper"));
  return specs;
}

}  // namespace runner::spec
