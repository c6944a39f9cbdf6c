// The verb suggest: ask/tell for any objective, from a space and a history in files.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/program_options/value_semantic.hpp>
#include <cmath>
#include <filesystem>

#include "bo/acquisition.hpp"
#include "bo/conditions.hpp"
#include "bo/suggest.hpp"
#include "cli/options.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "spec/history.hpp"
#include "spec/suggest_space.hpp"
#include "spec/variables.hpp"

namespace runner::cli {
namespace po = boost::program_options;

namespace {

constexpr std::string_view kDetails =
    "\nThe next points of any objective that you evaluate yourself, as CSV on standard output; "
    "what\n"
    "there is to know beside them on standard error. docs/suggest.md tells the whole.\n\n"
    "  space.yaml:  objective: loss            # a column of the history, or two: [loss, time]\n"
    "               goal: minimise             # or maximise; two: {loss: minimise, time: ...}\n"
    "               stddev: loss_sd            # optional, or variance: known noise of each row\n"
    "               variables:\n"
    "                 optimizer: {type: choice, values: [adam, sgd]}\n"
    "                 lr: {type: real, low: 1e-6, high: 1e-2, scale: log}\n"
    "                 momentum: {type: real, low: 0, high: 1, when: {optimizer: sgd}}\n"
    "                 layers: {type: integer, low: 1, high: 12}\n"
    "                 w: {type: simplex, size: 3}      # columns w_1, w_2, w_3\n\n"
    "exit codes: 0 done; 2 wrong usage or file; 3 nothing is left to suggest: every point of the\n"
    "            space was evaluated or is pending\n";

void say(const std::string& line) { print_error("runner suggest: {}\n", line); }

// One field per column; empty where a variable does not exist.
std::vector<std::string> written_point(const spec::SuggestSpace& space, const bo::Point& x) {
  const std::vector<bool> exists = bo::existing(space.space, x);
  std::vector<std::string> fields;
  for (std::size_t v = 0; v < exists.size(); ++v) {
    const bo::Variable& variable = space.space.variables[v];
    for (std::size_t part = 0; part < variable.columns(); ++part) {
      const double value = x[fields.size()];
      fields.push_back(exists[v] ? spec::written(variable, value) : "");
    }
  }
  return fields;
}

// The evaluated point to take, or the trade-offs of two objectives, with the model's view of each
// objective there.
void print_recommended(const spec::SuggestSpace& space,
                       const std::vector<bo::Observation>& observations,
                       const bo::Options& options) {
  const std::vector<bo::Recommendation> rows = bo::recommend(space.space, observations, options);
  if (rows.empty()) {
    throw InputError(
        "--recommend: the history has no row with status ok and a finite objective inside the "
        "space");
  }
  std::vector<std::string> header = space.columns();
  for (const spec::Goal& goal : space.goals) {
    header.insert(header.end(), {goal.objective + "_mean", goal.objective + "_stddev"});
  }
  print_out("{}", io::csv_row(header));
  for (const bo::Recommendation& row : rows) {
    std::vector<std::string> fields = written_point(space, observations[row.index].x);
    for (std::size_t k = 0; k < space.goals.size(); ++k) {
      const auto [mean, stddev] = row.predictions[k];
      fields.push_back(io::number(space.goals[k].maximise ? -mean : mean));
      fields.push_back(io::number(stddev));
    }
    print_out("{}", io::csv_row(fields));
  }
}

int print_suggestions(const spec::SuggestSpace& space,
                      const std::vector<bo::Suggestion>& suggestions, bool hedge) {
  const std::size_t columns = space.space.columns();
  std::vector<std::string> header = space.columns();
  const std::vector<std::string> nominees = space.nominee_columns();
  if (hedge) header.insert(header.end(), nominees.begin(), nominees.end());
  print_out("{}", io::csv_row(header));
  std::size_t printed = 0;
  for (; printed < suggestions.size(); ++printed) {
    const bo::Suggestion& suggestion = suggestions[printed];
    if (suggestion.exhausted) break;
    std::vector<std::string> fields = written_point(space, suggestion.x);
    if (suggestion.repeated) {
      say(
          fmt::format("suggestion {} repeats {}: with the noise of this objective another look is "
                      "worth more than a point not yet seen",
                      printed + 1, fmt::join(fields, ",")));
    }
    if (hedge && suggestion.nominees.empty()) fields.resize(header.size());  // the start design
    for (std::size_t at = 0; hedge && at < suggestion.nominees.size(); at += columns) {
      const auto begin = suggestion.nominees.begin() + static_cast<std::ptrdiff_t>(at);
      const auto written =
          written_point(space, bo::Point(begin, begin + static_cast<std::ptrdiff_t>(columns)));
      fields.insert(fields.end(), written.begin(), written.end());
    }
    print_out("{}", io::csv_row(fields));
  }
  if (printed == suggestions.size()) return kDone;
  const std::string why = "every other point of the space was evaluated or is pending";
  if (printed > 0) {
    say(fmt::format("{} of {} suggestions: {}", printed, suggestions.size(), why));
    return kDone;
  }
  say("nothing is left to suggest: every point of the space was evaluated or is pending");
  return kExhausted;
}

// The acquisition to use: that of the command line, if it fits the number of objectives.
std::string acquisition_for(const CommandLine& line, const spec::SuggestSpace& space) {
  const bool two = space.goals.size() == 2;
  if (!line.has("acquisition")) return two ? "ehvi" : "logei";
  const auto name = line.get<std::string>("acquisition");
  bo::acquisitions_of(name);  // a name that is not known is the first thing to say
  if (two == (name == "ehvi")) return name;
  throw InputError(two ? fmt::format("--acquisition {}: two objectives need ehvi", name)
                       : "--acquisition ehvi: it needs two objectives, such as 'objective: [loss, "
                         "time]' in the space");
}

spec::HistoryRows read_rows(const CommandLine& line, spec::SuggestSpace& space,
                            const bo::Options& options) {
  spec::HistoryOptions wanted;
  wanted.keep_outside = options.keep_outside;
  wanted.hedge = options.acquisition == "hedge" && !line.has("recommend");
  if (line.has("where")) {
    for (const std::string& pair : line.get<std::vector<std::string>>("where")) {
      const std::size_t equals = pair.find('=');
      if (equals == 0 || equals == std::string::npos) {
        throw InputError(fmt::format("command line: --where {}: it must be COLUMN=VALUE", pair));
      }
      wanted.where.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
    }
  }
  if (!line.has("history")) return {};
  const auto file = line.get<std::string>("history");
  if (!std::filesystem::exists(file)) {
    say(fmt::format("{} is not there: the search begins anew", file));
    return {};
  }
  spec::HistoryRows rows = spec::read_history(io::read_file(file), file, wanted, space);
  for (const std::string& note : rows.notes) say(note);
  // Time grows with their cube, memory with their square.
  constexpr std::size_t kMostRows = 10'000;
  if (rows.observations.size() > kMostRows) {
    throw InputError(
        fmt::format("{}: {} rows, more than a Gaussian process can bear; at most {} are allowed "
                    "(--where COLUMN=VALUE takes some of them)",
                    file, rows.observations.size(), kMostRows));
  }
  return rows;
}

}  // namespace

int suggest_command(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("space", po::value<std::string>()->value_name("FILE"),
                      "YAML: objective, goal and variables")(
      "history", po::value<std::string>()->value_name("FILE"),
      "CSV: a column per variable and objective, and perhaps status (ok, failed, pending); also a "
      "run's tables/trials.csv. An empty objective is a failed trial. May be missing")(
      "where", po::value<std::vector<std::string>>()->value_name("COLUMN=VALUE"),
      "only rows of the history with this value; may be given several times")(
      "outside", po::value<std::string>()->default_value("refuse")->value_name("refuse|keep"),
      "rows outside the bounds, and values no longer listed: an error, or knowledge that is never "
      "proposed")("n,n", po::value<int>()->default_value(1)->value_name("N"),
                  "points to be evaluated at once")(
      "acquisition", po::value<std::string>()->value_name("NAME"),
      "see 'runner list acquisitions'; logei, of two objectives ehvi. hedge adds columns of what "
      "each acquisition asked for: keep them in the history, they are its memory")(
      "beta", po::value<double>()->default_value(4.0),
      "ucb: mean - sqrt(beta) * stddev, standardised outcomes")("deterministic",
                                                                "the objective has no noise")(
      "initial", po::value<int>()->default_value(0)->value_name("N"),
      "points of the start design; 0: min(d + 1, 4), d axes")(
      "recommend",
      "instead of new points the best evaluated one by the model's mean, of two objectives all "
      "that none beats in both")("seed",
                                 po::value<std::uint64_t>()->default_value(0)->value_name("N"), "");
  bool helped = false;
  const CommandLine line =
      parse(arguments, "runner suggest --space FILE [--history FILE] [-n N]", flags, helped);
  if (helped) {
    print_out("{}", kDetails);
    return kDone;
  }
  if (!line.has("space")) throw InputError("command line: --space FILE is needed");
  if (!line.words.empty()) {
    throw InputError(fmt::format("command line: '{}' belongs to no flag", line.words.front()));
  }
  const int count = line.get<int>("n");
  if (count < 1) throw InputError("command line: -n must be at least 1");
  const auto outside = line.get<std::string>("outside");
  if (outside != "refuse" && outside != "keep") {
    throw InputError(fmt::format("command line: --outside {}: known are refuse, keep", outside));
  }

  spec::SuggestSpace space = spec::load_space(line.get<std::string>("space"));
  try {
    bo::Options options;
    options.acquisition = acquisition_for(line, space);
    options.beta = line.get<double>("beta");
    options.initial = line.get<int>("initial");
    options.keep_outside = outside == "keep";
    if (line.has("deterministic")) options.noise = bo::Noise::deterministic;
    const spec::HistoryRows rows = read_rows(line, space, options);
    if (line.has("recommend")) {
      print_recommended(space, rows.observations, options);
      return kDone;
    }
    return print_suggestions(space,
                             bo::suggest(space.space, rows.observations, options,
                                         line.get<std::uint64_t>("seed"), count),
                             options.acquisition == "hedge");
  } catch (const std::invalid_argument& error) {
    throw InputError(error.what());
  }
}

}  // namespace runner::cli
