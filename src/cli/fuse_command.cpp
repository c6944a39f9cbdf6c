// The verb fuse: several models of one architecture into one.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/program_options/value_semantic.hpp>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <optional>

#include "cli/mixer.hpp"
#include "cli/model_folder.hpp"
#include "cli/options.hpp"
#include "cli/streams.hpp"
#include "cli/task_flags.hpp"
#include "cli/verbs.hpp"
#include "fusion/rules.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"

namespace runner::cli {
namespace fs = std::filesystem;
namespace po = boost::program_options;

namespace {

using Weights = Mixer::Weights;

Weights uniform(const std::vector<std::size_t>& models, int size) {
  Weights alpha(static_cast<std::size_t>(size));
  for (const std::size_t model : models) alpha[model] = 1.0 / static_cast<double>(models.size());
  return alpha;
}

struct Chosen {
  Weights alpha;
  bool by_dev = false;  // whether the rule has looked at dev
};

fusion::Options fusion_options(const CommandLine& line) {
  fusion::Options options;
  options.last_k = line.get<int>("last-k");
  options.evaluations = line.get<int>("evaluations");
  options.rows = line.get<int>("rows");
  if (options.last_k < 1 || options.evaluations < 1 || options.rows < 1) {
    throw InputError("command line: --last-k, --evaluations and --rows must be at least 1");
  }
  return options;
}

// What a rule wants first tells what it needs.
fusion::Step first_step(const fusion::Rule& rule, int models) {
  return rule.next({models, fusion::Options(), {}, 0});
}

// Those that can do without a training run.
std::vector<std::string_view> known_rules() {
  std::vector<std::string_view> names;
  for (const fusion::Rule& rule : fusion::rules()) {
    if (first_step(rule, 2).kind != fusion::Step::Kind::average) names.push_back(rule.name);
  }
  return names;
}

const fusion::Rule& find_rule(const std::string& name) {
  const std::vector<std::string_view> known = known_rules();
  if (std::ranges::find(known, name) != known.end()) return *fusion::find_rule(name);
  throw InputError(
      fmt::format("command line: --rule {}: known are {}", name, fmt::join(known, ", ")));
}

// The models stand where a study's rule has one run's snapshots.
Chosen follow(const fusion::Rule& rule, Mixer& mixer, const fusion::Options& options,
              std::uint64_t seed) try {
  Chosen chosen;
  std::vector<fusion::Measured> measured;
  for (;;) {
    fusion::Step step = rule.next({mixer.size(), options, measured, seed});
    if (step.kind == fusion::Step::Kind::weights) {
      chosen.alpha = std::move(step.alpha);
      return chosen;
    }
    chosen.by_dev = chosen.by_dev || step.selection;
    measured.push_back(mixer.measure(std::move(step)));
  }
} catch (const fusion::NothingFinite& nothing) {
  throw InputError(fmt::format("--rule {}: {}", rule.name, nothing.what()));
}

Weights given_weights(const std::string& text, int models) {
  const auto fields = io::parse_csv(text, "command line: --weights").at(0).fields;
  Weights alpha;
  double sum = 0.0;
  for (const std::string& field : fields) {
    if (!io::parse_number(field, alpha.emplace_back()) || !std::isfinite(alpha.back())) {
      throw InputError(fmt::format("command line: --weights {}: '{}' is no number", text, field));
    }
    sum += alpha.back();
  }
  if (static_cast<int>(alpha.size()) != models) {
    throw InputError(fmt::format("command line: --weights {}: {} weights for {} models", text,
                                 alpha.size(), models));
  }
  if (std::abs(sum - 1.0) > 1e-6) {
    throw InputError(
        fmt::format("command line: --weights {}: their sum is {}, not 1", text, io::number(sum)));
  }
  return alpha;
}

// Every model, their mean and the fused one: training loss and score.
std::string comparison(Mixer& mixer, const Weights& alpha) {
  std::string text = fmt::format(
      "| model | weight | loss on {} training rows | {} dev |\n"
      "|---|---|---|---|\n",
      mixer.loss_rows(), mixer.task_name());
  const auto add = [&](const std::string& name, const std::string& weight, Weights mix) {
    fusion::Step step;
    step.alpha = std::move(mix);
    step.loss = step.selection = true;
    const fusion::Measured worth = mixer.measure(std::move(step));
    text += fmt::format("| {} | {} | {:.6f} | {:.4f} |\n", name, weight, worth.loss,
                        worth.selection_score);
  };
  for (std::size_t k = 0; k < alpha.size(); ++k) {
    add(mixer.folders()[k].filename().string(), fmt::format("{:.4f}", alpha[k]),
        uniform({k}, mixer.size()));
  }
  std::vector<std::size_t> all(alpha.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  add("mean of all", "", uniform(all, mixer.size()));
  add("fused", "", alpha);
  return text;
}

std::string card(const Mixer& mixer, const std::string& how, const Weights& alpha,
                 const std::string& table) {
  std::string text = "---\nlibrary_name: transformers\npipeline_tag: text-classification\n---\n";
  text += fmt::format("# A mean of {} models' weights\n\n{}\n\n", alpha.size(), how);
  if (!table.empty()) return text + table;
  text += "| model | weight |\n|---|---|\n";
  for (std::size_t k = 0; k < alpha.size(); ++k) {
    text +=
        fmt::format("| {} | {} |\n", mixer.folders()[k].filename().string(), io::number(alpha[k]));
  }
  return text;
}

constexpr std::string_view kCall =
    "runner fuse FOLDER... [--weights W,... | --rule RULE] [--task TASK] OUT";

}  // namespace

int fuse_command(const std::vector<std::string>& arguments) {
  const fusion::Options defaults;
  po::options_description flags("flags");
  flags.add_options()("weights", po::value<std::string>()->value_name("W,..."),
                      "one for each model, their sum 1")(
      "rule", po::value<std::string>()->value_name("RULE"),
      fmt::format("of `runner list rules`: {}; those that measure need --task (swa, the mean)",
                  fmt::join(known_rules(), ", "))
          .c_str())("last-k", po::value<int>()->default_value(defaults.last_k)->value_name("N"),
                    "models that lawa takes the mean of")(
      "evaluations", po::value<int>()->default_value(defaults.evaluations)->value_name("N"),
      "of bo and ehvi; gradients of learned")(
      "rows", po::value<int>()->default_value(defaults.rows)->value_name("N"),
      "training rows that the loss is the mean of")(
      "seed", po::value<std::uint64_t>()->default_value(0)->value_name("N"),
      "of the searches and the rows")(
      "tokenizer", po::value<std::string>()->value_name("DIR"),
      "whose files go along (the first of the folders that has them)")(
      "max-length", po::value<int>()->value_name("N"), "tokens per row (the model's limit)")(
      "device", po::value<std::string>()->default_value("auto")->value_name("NAME"), "")(
      "threads", po::value<int>()->default_value(0)->value_name("N"), "0: all cores");
  add_task_flags(flags);
  bool helped = false;
  const CommandLine line = parse(arguments, kCall, flags, helped);
  if (helped) return kDone;
  if (line.words.size() < 2) {
    throw InputError(fmt::format("models and a new folder are needed\nusage: {}", kCall));
  }
  if (line.has("weights") && line.has("rule")) {
    throw InputError("command line: --weights or --rule, not both");
  }
  const fusion::Rule& rule =
      find_rule(line.has("rule") ? line.get<std::string>("rule") : std::string("swa"));
  if (first_step(rule, 2).kind == fusion::Step::Kind::measure && !line.has("task")) {
    throw InputError(
        fmt::format("command line: --rule {} measures the models: --task says on what", rule.name));
  }
  const fusion::Options options = fusion_options(line);
  const fs::path out = line.words.back();
  require_new_folder(out);
  std::vector<fs::path> folders;
  for (std::size_t i = 0; i + 1 < line.words.size(); ++i) add_folders(line.words[i], folders);
  if (folders.size() < 2) {
    throw InputError(fmt::format("{}: one model alone is fused already; two are needed",
                                 folders.front().string()));
  }
  fs::path tokenizer = line.has("tokenizer") ? fs::path(line.get<std::string>("tokenizer")) : "";
  for (const fs::path& folder : folders) {
    if (!tokenizer.empty()) break;
    for (const char* file :
         {"tokenizer.json", "vocab.json", "vocab.txt", "sentencepiece.bpe.model"}) {
      if (fs::exists(folder / file)) tokenizer = folder;
    }
  }
  if (tokenizer.empty()) {
    throw InputError(fmt::format(
        "{}: has no tokenizer's files, nor have the others; --tokenizer DIR says where they are",
        folders.front().string()));
  }
  const auto count = static_cast<int>(folders.size());
  std::optional<Weights> given;
  if (line.has("weights")) given = given_weights(line.get<std::string>("weights"), count);

  Mixer mixer(line, std::move(folders), tokenizer);
  if (line.has("task")) {
    mixer.read_task(line, options.rows, line.get<std::uint64_t>("seed"));
  }
  const Chosen chosen =
      given ? Chosen{*given} : follow(rule, mixer, options, line.get<std::uint64_t>("seed"));
  const Weights& alpha = chosen.alpha;
  const std::string how = given ? "With weights as they were given."
                                : fmt::format("With the weights of rule {}.", rule.name);
  const std::string table = mixer.has_task() ? comparison(mixer, alpha) : "";
  write_model_folder(out, mixer.config(), mixer.mix(alpha), mixer.tokenizer(),
                     card(mixer, how, alpha, table));
  print_out("{}{}\n", table, out.string());
  if (chosen.by_dev) {
    print_out("{} chose by the dev scores above: its own is too good\n", rule.name);
  }
  return kDone;
}

}  // namespace runner::cli
