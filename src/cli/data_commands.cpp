// The verbs around data and names: list, schema, tokenize, generate.
#include <fmt/format.h>

#include <boost/program_options/value_semantic.hpp>
#include <climits>
#include <filesystem>
#include <iostream>

#include "bo/acquisition.hpp"
#include "bo/pruning.hpp"
#include "cli/options.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "data/metrics.hpp"
#include "data/tasks.hpp"
#include "data/tokenize.hpp"
#include "fusion/rules.hpp"
#include "io/error.hpp"
#include "mini/glue.hpp"
#include "spec/budget.hpp"
#include "spec/methods.hpp"
#include "spec/presets.hpp"
#include "spec/schema.hpp"
#include "spec/variables.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

// Each lists one of the tables that the program itself works from.
struct Listing {
  std::string_view name;
  void (*print)();
};

void row(std::string_view name, std::string_view summary) {
  print_out("  {:<20} {}\n", name, summary);
}

template <typename Rows>
void print_rows(const Rows& rows) {
  for (const auto& entry : rows) row(entry.name, entry.summary);
}

void print_tasks() {
  for (const data::Task& task : data::glue_tasks()) {
    std::string metrics;
    for (const data::Metric metric : task.metrics) {
      metrics += fmt::format("{}{}", metrics.empty() ? "" : ", ", data::metric_name(metric));
    }
    row(task.name, task.regression ? fmt::format("regression; {}", metrics)
                                   : fmt::format("{}; {}", fmt::join(task.labels, " | "), metrics));
  }
}

void print_acquisitions() {
  print_rows(bo::acquisitions());
  row("hedge", "portfolio of all of them (GP-Hedge)");
  row("a+b", "alternation, as in ei+ucb");
}

constexpr Listing kListings[] = {
    {"tasks", print_tasks},
    {"metrics", [] { print_rows(data::metric_rows()); }},
    {"acquisitions", print_acquisitions},
    {"rules", [] { print_rows(fusion::rules()); }},
    {"searches", [] { print_rows(spec::searches()); }},
    {"budgets", [] { print_rows(spec::budget_units()); }},
    {"soups", [] { print_rows(spec::soups()); }},
    {"pruning", [] { print_rows(bo::pruning_rules()); }},
    {"methods", [] { print_rows(spec::method_kinds()); }},
    {"variables", [] { print_rows(spec::variables()); }},
    {"presets", [] { print_rows(spec::presets()); }},
};

}  // namespace

int list_command(const std::vector<std::string>& arguments) {
  bool helped = false;
  const CommandLine line =
      parse(arguments, "runner list [TABLE]", po::options_description("flags"), helped);
  if (helped) return kDone;
  bool found = line.words.empty();
  std::string names;
  for (const Listing& listing : kListings) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", listing.name);
    if (!line.words.empty() && line.words[0] != listing.name) continue;
    print_out("{}\n", listing.name);
    listing.print();
    found = true;
  }
  if (!found)
    throw InputError(fmt::format("there is no table '{}' (tables: {})", line.words[0], names));
  return kDone;
}

int schema_command(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("markdown", "the reference of every field instead: docs/spec.md");
  bool helped = false;
  const CommandLine line = parse(arguments, "runner schema [--markdown]", flags, helped);
  if (helped) return kDone;
  print_out("{}", line.has("markdown") ? spec::reference() : spec::schema().dump(2) + "\n");
  return kDone;
}

int tokenize_command(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("model", po::value<std::string>()->value_name("DIR"),
                      "Hugging Face folder with the vocabulary")(
      "max-length", po::value<int>()->value_name("N"),
      "tokens per row, specials included (the model's limit)");
  bool helped = false;
  const CommandLine line =
      parse(arguments, "runner tokenize --model DIR [--max-length N] < LINES.jsonl", flags, helped);
  if (helped) return kDone;
  if (!line.has("model")) throw InputError("command line: --model DIR is needed");
  const data::Tokenizer tokenizer = data::Tokenizer::load(line.get<std::string>("model"));
  for (const std::string& note : tokenizer.notes()) print_error("note: {}\n", note);
  const int max_length = line.has("max-length") ? line.get<int>("max-length") : INT_MAX;
  if (max_length < 1) throw InputError("command line: --max-length must be at least 1");
  std::ios::sync_with_stdio(false);
  data::tokenize_lines(tokenizer, max_length, std::cin, std::cout);
  return kDone;
}

int generate_command(const std::vector<std::string>& arguments) {
  bool helped = false;
  const CommandLine line =
      parse(arguments, "runner generate DIR", po::options_description("flags"), helped);
  if (helped) return kDone;
  if (line.words.size() != 1) throw InputError("usage: runner generate DIR");
  const fs::path folder = line.words[0];
  mini::write_glue(folder / "mini_glue", mini::kSeed);
  mini::write_tiny_roberta(folder / "tiny_roberta", mini::kSeed);
  print_out("{}\n{}\n", (folder / "mini_glue").string(), (folder / "tiny_roberta").string());
  return kDone;
}

}  // namespace runner::cli
