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

Weights mean_of_all(Mixer& mixer, const CommandLine&) {
  std::vector<std::size_t> all(static_cast<std::size_t>(mixer.size()));
  std::iota(all.begin(), all.end(), std::size_t{0});
  return uniform(all, mixer.size());
}

// Wortsman et al. 2022: from the best model on, each that raises the mean's score is taken in.
Weights greedy(Mixer& mixer, const CommandLine&) {
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t k = 0; k < static_cast<std::size_t>(mixer.size()); ++k) {
    order.emplace_back(mixer.score(uniform({k}, mixer.size())), k);
  }
  std::ranges::stable_sort(order, std::ranges::greater{}, &std::pair<double, std::size_t>::first);
  std::vector<std::size_t> taken;
  double best = -std::numeric_limits<double>::infinity();
  for (const auto& [alone, model] : order) {
    taken.push_back(model);
    const double score = taken.size() == 1 ? alone : mixer.score(uniform(taken, mixer.size()));
    if (taken.size() == 1 || score > best) {
      best = score;
    } else {
      taken.pop_back();
    }
  }
  return uniform(taken, mixer.size());
}

// The inner loop of a study over these models.
Weights search(Mixer& mixer, const CommandLine& line) try {
  fusion::Options options;
  options.evaluations = line.get<int>("evaluations");
  std::vector<fusion::Measured> measured;
  for (;;) {
    fusion::Step step =
        fusion::search_one({mixer.size(), options, measured, line.get<std::uint64_t>("seed")});
    if (step.kind == fusion::Step::Kind::weights) return std::move(step.alpha);
    fusion::Measured& point = measured.emplace_back();
    point.loss = mixer.loss(step.alpha);
    point.alpha = std::move(step.alpha);
    point.warm_start = std::move(step.why.warm_start);
    point.nominees = std::move(step.why.nominees);
  }
} catch (const fusion::NothingFinite&) {
  throw InputError("no mix of these models has a finite training loss");
}

struct FusingRule {
  std::string_view name;
  bool needs_task;
  Weights (*weights)(Mixer& mixer, const CommandLine& line);
};
constexpr FusingRule kRules[] = {
    {"swa", false, mean_of_all},
    {"greedy", true, greedy},
    {"bo", true, search},
};

const FusingRule& find_rule(const std::string& name) {
  const auto* const rule = std::ranges::find(kRules, name, &FusingRule::name);
  if (rule != std::ranges::end(kRules)) return *rule;
  throw InputError(fmt::format("command line: --rule {}: known are swa, greedy, bo", name));
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
  const auto add = [&](const std::string& name, const std::string& weight, const Weights& mix) {
    text += fmt::format("| {} | {} | {:.6f} | {:.4f} |\n", name, weight, mixer.loss(mix),
                        mixer.score(mix));
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
    "runner fuse FOLDER... [--weights W,... | --rule swa|greedy|bo] [--task TASK] OUT";

}  // namespace

int fuse_command(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("weights", po::value<std::string>()->value_name("W,..."),
                      "one for each model, their sum 1")(
      "rule", po::value<std::string>()->value_name("swa|greedy|bo"),
      "swa: their mean. greedy: from the best on, each that raises the mean's score on dev. bo: "
      "the "
      "weights of least training loss, by Bayesian optimisation")(
      "evaluations",
      po::value<int>()->default_value(fusion::Options().evaluations)->value_name("N"),
      "of bo")("rows", po::value<int>()->default_value(fusion::Options().rows)->value_name("N"),
               "training rows that bo's loss is the mean of")(
      "seed", po::value<std::uint64_t>()->default_value(0)->value_name("N"), "of bo and its rows")(
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
  const FusingRule& rule =
      find_rule(line.has("rule") ? line.get<std::string>("rule") : std::string("swa"));
  if (rule.needs_task && !line.has("task")) {
    throw InputError(
        fmt::format("command line: --rule {} measures the models: --task says on what", rule.name));
  }
  if (line.get<int>("evaluations") < 1 || line.get<int>("rows") < 1) {
    throw InputError("command line: --evaluations and --rows must be at least 1");
  }
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
    mixer.read_task(line, line.get<int>("rows"), line.get<std::uint64_t>("seed"));
  }
  const Weights alpha = given ? *given : rule.weights(mixer, line);
  const std::string how = given ? "With weights as they were given."
                                : fmt::format("With the weights of rule {}.", rule.name);
  const std::string table = mixer.has_task() ? comparison(mixer, alpha) : "";
  write_model_folder(out, mixer.config(), mixer.mix(alpha), mixer.tokenizer(),
                     card(mixer, how, alpha, table));
  print_out("{}{}\n", table, out.string());
  if (rule.name == "greedy" && !given) {
    print_out("greedy chose by the dev scores above: they are too good\n");
  }
  return kDone;
}

}  // namespace runner::cli
