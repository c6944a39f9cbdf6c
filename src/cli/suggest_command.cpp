// The verb suggest: ask/tell for any objective, from a space and a history in files.
#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options/value_semantic.hpp>
#include <cmath>
#include <filesystem>
#include <map>

#include "bo/acquisition.hpp"
#include "bo/suggest.hpp"
#include "cli/options.hpp"
#include "cli/streams.hpp"
#include "cli/verbs.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "spec/space.hpp"
#include "spec/variables.hpp"

namespace runner::cli {
namespace po = boost::program_options;

namespace {

// Reads one history's rows against the space's columns, in whatever order they stand.
class HistoryReader {
 public:
  HistoryReader(const spec::SuggestSpace& space, std::string name)
      : space_(space), columns_(space.columns()), name_(std::move(name)) {}

  std::vector<bo::Observation> read(std::string_view text) {
    const std::vector<io::CsvRecord> records = io::parse_csv(text, name_);
    if (records.empty()) return {};
    read_header(records[0]);
    std::vector<bo::Observation> history;
    for (std::size_t i = 1; i < records.size(); ++i) history.push_back(read_row(records[i]));
    if (!problems_.empty()) throw InputError(fmt::format("{}", fmt::join(problems_, "\n")));
    return history;
  }

 private:
  void read_header(const io::CsvRecord& header) {
    for (std::size_t i = 0; i < header.fields.size(); ++i) {
      if (!place_.emplace(header.fields[i], i).second) {
        problem(header.line, header.fields[i], "stands twice");
      }
    }
    std::vector<std::string> needed = columns_;
    needed.push_back(space_.objective);
    for (const std::string& column : needed) {
      if (!place_.contains(column)) problem(header.line, column, "is missing");
    }
    width_ = header.fields.size();
    if (!problems_.empty()) throw InputError(fmt::format("{}", fmt::join(problems_, "\n")));
  }

  bo::Observation read_row(const io::CsvRecord& record) {
    bo::Observation observation;
    if (record.fields.size() != width_) {
      problems_.push_back(fmt::format("{}:{}: {} fields where the header has {}", name_,
                                      record.line, record.fields.size(), width_));
      return observation;
    }
    const auto field = [&](const std::string& column) { return record.fields[place_.at(column)]; };
    if (place_.contains("status")) {
      const std::string status = field("status");
      if (status == "failed") {
        observation.status = bo::Status::failed;
      } else if (status == "pending") {
        observation.status = bo::Status::pending;
      } else if (status != "ok" && !status.empty()) {
        problem(record.line, "status", fmt::format("'{}' is not ok, failed or pending", status));
      }
    }
    std::size_t column = 0;
    for (const bo::Variable& variable : space_.space.variables) {
      double sum = 0.0;
      for (int part = 0; part < variable.columns(); ++part, ++column) {
        observation.x.push_back(
            value(record.line, variable, columns_[column], field(columns_[column])));
        sum += observation.x.back();
      }
      if (variable.type == bo::Type::simplex && !(std::abs(sum - 1.0) <= kSumTolerance)) {
        problem(record.line, variable.name,
                fmt::format("weights sum to {}, not 1", io::number(sum)));
      }
    }
    if (observation.status == bo::Status::ok) {
      double y = 0.0;
      const std::string text = field(space_.objective);
      if (!io::parse_number(text, y)) {
        problem(record.line, space_.objective, fmt::format("'{}' is not a number", text));
      }
      // An objective that is not finite is a trial that failed.
      if (std::isfinite(y)) {
        observation.y = space_.maximise ? -y : y;
      } else {
        observation.status = bo::Status::failed;
      }
    }
    return observation;
  }

  double value(int line, const bo::Variable& variable, const std::string& column,
               const std::string& text) {
    if (variable.type == bo::Type::choice) {
      const auto found = std::find(variable.values.begin(), variable.values.end(), text);
      if (found == variable.values.end()) {
        problem(line, column,
                fmt::format("'{}' is not one of {}", text, fmt::join(variable.values, ", ")));
        return 0.0;
      }
      return static_cast<double>(found - variable.values.begin());
    }
    const bool weight = variable.type == bo::Type::simplex;
    const double low = weight ? 0.0 : variable.low, high = weight ? 1.0 : variable.high;
    double number = 0.0;
    if (!io::parse_number(text, number) ||
        (variable.type == bo::Type::integer && number != std::floor(number))) {
      problem(line, column,
              fmt::format("'{}' is not {}", text,
                          variable.type == bo::Type::integer ? "a whole number" : "a number"));
      return low;
    }
    if (!(number >= low && number <= high)) {
      problem(line, column,
              fmt::format("{} is outside {} to {}", text, io::number(low), io::number(high)));
      return low;
    }
    return number;
  }

  void problem(int line, const std::string& column, const std::string& what) {
    problems_.push_back(fmt::format("{}:{}: column '{}': {}", name_, line, column, what));
  }

  static constexpr double kSumTolerance = 1e-6;  // of the simplex
  const spec::SuggestSpace& space_;
  std::vector<std::string> columns_;
  std::string name_;
  std::map<std::string, std::size_t> place_;
  std::size_t width_ = 0;
  std::vector<std::string> problems_;
};

std::vector<std::string> written_point(const spec::SuggestSpace& space, const bo::Point& x) {
  std::vector<std::string> fields;
  std::size_t column = 0;
  for (const bo::Variable& variable : space.space.variables) {
    for (int part = 0; part < variable.columns(); ++part) {
      fields.push_back(spec::written(variable, x[column++]));
    }
  }
  return fields;
}

// The evaluated point to take, with the model's view of the objective there.
void print_recommended(const spec::SuggestSpace& space, const std::vector<bo::Observation>& history,
                       const bo::Options& options) {
  const bo::Recommendation best = bo::recommend(space.space, history, options);
  if (best.index < 0) {
    throw InputError("--recommend: the history has no row with status ok and a finite objective");
  }
  std::vector<std::string> header = space.columns();
  header.insert(header.end(), {space.objective + "_mean", space.objective + "_stddev"});
  std::vector<std::string> fields =
      written_point(space, history[static_cast<std::size_t>(best.index)].x);
  fields.push_back(io::number(space.maximise ? -best.mean : best.mean));
  fields.push_back(io::number(best.stddev));
  print_out("{}{}", io::csv_row(header), io::csv_row(fields));
}

}  // namespace

int suggest_command(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("space", po::value<std::string>()->value_name("FILE"),
                      "YAML: goal, objective and variables")(
      "history", po::value<std::string>()->value_name("FILE"),
      "CSV: a column per variable, the objective, and status (ok, failed, pending); may be "
      "missing")("n,n", po::value<int>()->default_value(1)->value_name("N"),
                 "points to be evaluated at once")(
      "acquisition", po::value<std::string>()->default_value("logei")->value_name("NAME"),
      "see 'runner list acquisitions'")("beta", po::value<double>()->default_value(4.0),
                                        "ucb: mean - sqrt(beta) * stddev, standardised outcomes")(
      "deterministic", "the objective has no noise")(
      "initial", po::value<int>()->default_value(0)->value_name("N"),
      "points of the start design; 0: min(d + 1, 4), d axes")(
      "recommend", "instead of new points, the best evaluated one by the model's mean")(
      "seed", po::value<std::uint64_t>()->default_value(0)->value_name("N"), "");
  bool helped = false;
  const CommandLine line =
      parse(arguments, "runner suggest --space FILE [--history FILE] [-n N]", flags, helped);
  if (helped) return kDone;
  if (!line.has("space")) throw InputError("command line: --space FILE is needed");
  const int count = line.get<int>("n");
  if (count < 1) throw InputError("command line: -n must be at least 1");

  const spec::SuggestSpace space = spec::load_space(line.get<std::string>("space"));
  std::vector<bo::Observation> history;
  if (line.has("history") && std::filesystem::exists(line.get<std::string>("history"))) {
    const auto file = line.get<std::string>("history");
    history = HistoryReader(space, file).read(io::read_file(file));
  }
  bo::Options options;
  options.acquisition = line.get<std::string>("acquisition");
  options.beta = line.get<double>("beta");
  options.initial = line.get<int>("initial");
  if (line.has("deterministic")) options.noise = bo::Noise::deterministic;
  std::vector<bo::Suggestion> suggestions;
  try {
    if (line.has("recommend")) {
      print_recommended(space, history, options);
      return kDone;
    }
    suggestions =
        bo::suggest(space.space, history, options, line.get<std::uint64_t>("seed"), count);
  } catch (const std::invalid_argument& error) {
    throw InputError(error.what());
  }

  print_out("{}", io::csv_row(space.columns()));
  for (const bo::Suggestion& suggestion : suggestions) {
    print_out("{}", io::csv_row(written_point(space, suggestion.x)));
  }
  return kDone;
}

}  // namespace runner::cli
