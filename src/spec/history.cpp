#include "spec/history.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>

#include "bo/acquisition.hpp"
#include "bo/conditions.hpp"
#include "io/csv.hpp"
#include "io/error.hpp"
#include "spec/problems.hpp"
#include "spec/text_value.hpp"

namespace runner::spec {
namespace {

using bo::Type;

constexpr double kRangeRounding = 1e-9;    // of the range: what arithmetic leaves
constexpr double kSumTolerance = 1e-3;     // of weights written with a few digits
constexpr std::size_t kMostProblems = 20;  // shown

// Of this program's own trials, and of whoever writes a status by hand.
struct StatusName {
  std::string_view name;
  bo::Status status;
};
constexpr std::array<StatusName, 8> kStatus = {{{"ok", bo::Status::ok},
                                                {"", bo::Status::ok},
                                                {"collapsed", bo::Status::ok},
                                                {"failed", bo::Status::failed},
                                                {"diverged", bo::Status::failed},
                                                {"pruned", bo::Status::failed},
                                                {"out_of_memory", bo::Status::failed},
                                                {"pending", bo::Status::pending}}};

// Columns that tell this program's trials.csv from other tables.
constexpr std::array<std::string_view, 4> kTrials = {"task", "method", "seed", "trial"};

class Reader {
 public:
  Reader(const std::string& name, const HistoryOptions& options, SuggestSpace& space)
      : name_(name), options_(options), space_(space), columns_(space.columns()) {
    for (const bo::Variable& variable : space.space.variables) {
      first_columns_.push_back(owners_.size());
      for (std::size_t part = 0; part < variable.columns(); ++part) owners_.push_back(&variable);
    }
  }

  HistoryRows read(std::string_view text) {
    const char separator = io::find_separator(text);
    decimal_comma_ = separator != ',';
    const std::vector<io::CsvRecord> records = io::parse_csv(text, name_, separator);
    if (records.empty()) return {};
    read_header(records[0]);
    throw_problems();
    std::vector<const io::CsvRecord*> wanted;
    for (std::size_t i = 1; i < records.size(); ++i) {
      if (is_wanted(records[i])) wanted.push_back(&records[i]);
    }
    if (wanted.empty() && !options_.where.empty()) {
      note("no row is as --where asks: the search begins anew");
    }
    check_trials(wanted);
    for (const io::CsvRecord* record : wanted) {
      rows_.observations.push_back(read_row(*record));
      rows_.lines.push_back(record->line);
    }
    throw_problems();
    if (!outside_.empty()) {
      note(fmt::format("rows outside the bounds, kept as knowledge and never proposed: {}",
                       outside_.size()));
    }
    return std::move(rows_);
  }

 private:
  void read_header(const io::CsvRecord& header) {
    width_ = header.fields.size();
    std::set<std::string> twice;
    for (std::size_t i = 0; i < width_; ++i) {
      const std::string column(trimmed(header.fields[i]));
      if (!place_.emplace(column, i).second) twice.insert(column);
    }
    std::vector<std::string> needed, useful = {"status", ""};
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      // Of a variable that exists only sometimes it is missed where it does.
      (owners_[i]->when.empty() ? needed : useful).push_back(columns_[i]);
    }
    for (const Goal& goal : space_.goals) {
      needed.push_back(goal.objective);
      if (!goal.noise.empty()) needed.push_back(goal.noise);
    }
    for (const auto& [column, value] : options_.where) needed.push_back(column);
    std::vector<std::string_view> present;
    for (const auto& [column, place] : place_) present.push_back(column);
    for (const std::string& column : needed) {
      if (place_.contains(column)) continue;
      const std::string_view nearest = find_nearest(column, present);
      problem(
          header.line, column,
          nearest.empty() ? "is missing" : fmt::format("is missing; did you mean '{}'?", nearest));
    }
    const std::vector<std::string> nominees = space_.nominee_columns();
    has_nominees_ = std::ranges::all_of(
        nominees, [&](const std::string& column) { return place_.contains(column); });
    if (options_.hedge && !has_nominees_) {
      note(fmt::format("no columns {} to {}: hedge knows nothing of what it did before",
                       nominees.front(), nominees.back()));
    }
    useful.insert(useful.end(), needed.begin(), needed.end());
    useful.insert(useful.end(), nominees.begin(), nominees.end());
    for (const std::string& column : useful) {
      if (!column.empty() && twice.contains(column)) problem(header.line, column, "stands twice");
    }
    is_trials_ = std::ranges::all_of(
        kTrials, [&](std::string_view column) { return place_.contains(std::string(column)); });
    std::vector<std::string> ignored;
    for (const auto& [column, place] : place_) {
      const bool index = column == "Unnamed: 0";  // what pandas makes of a column without a name
      if (!index && std::ranges::find(useful, column) == useful.end()) ignored.push_back(column);
    }
    if (!ignored.empty() && !is_trials_) {
      note(fmt::format("ignored, for they are columns of neither a variable nor an objective: {}",
                       fmt::join(ignored, ", ")));
    }
  }

  // Whether a record is a row at all, and one of those asked for.
  bool is_wanted(const io::CsvRecord& record) {
    const bool blank = std::ranges::all_of(
        record.fields, [](const std::string& field) { return trimmed(field).empty(); });
    if (blank) return false;
    if (record.fields.size() != width_) {
      problems_.push_back(fmt::format("{}:{}: {} fields where the header has {}", name_,
                                      record.line, record.fields.size(), width_));
      return false;
    }
    return std::ranges::all_of(options_.where, [&](const auto& pair) {
      const std::string text = field(record, pair.first);
      const auto number = as_number(text);
      return text == pair.second || (number && number == as_number(pair.second));
    });
  }

  // One history is of one objective; trials of several tasks are not.
  void check_trials(const std::vector<const io::CsvRecord*>& records) {
    if (!is_trials_) return;
    std::set<std::string> tasks, methods;
    for (const io::CsvRecord* record : records) {
      tasks.insert(field(*record, "task"));
      methods.insert(field(*record, "method"));
    }
    if (tasks.size() > 1) {
      throw InputError(
          fmt::format("{}: trials of {} tasks, each with an objective of its own; "
                      "choose one, such as --where task={} (there are: {})",
                      name_, tasks.size(), *tasks.begin(), fmt::join(tasks, ", ")));
    }
    if (methods.size() > 1) {
      note(
          fmt::format("trials of {} methods count alike; --where method=NAME takes those of one "
                      "({})",
                      methods.size(), fmt::join(methods, ", ")));
    }
  }

  bo::Observation read_row(const io::CsvRecord& record) {
    bo::Observation observation;
    observation.status = status(record);
    observation.x = point(record, "");
    if (has_nominees_) observation.nominees = nominees(record);
    if (observation.status != bo::Status::ok) return observation;
    std::array<double, 2> y{}, variance{};
    for (std::size_t k = 0; k < space_.goals.size(); ++k) {
      const Goal& goal = space_.goals[k];
      y[k] = outcome(record, goal.objective);
      if (goal.maximise) y[k] = -y[k];
      variance[k] = goal.noise.empty() ? kUnset : noise(record, goal);
      if (!std::isfinite(y[k])) observation.status = bo::Status::failed;
    }
    if (observation.status != bo::Status::ok) return observation;
    observation.y = y[0];
    observation.noise_variance = variance[0];
    if (space_.goals.size() < 2) return observation;
    observation.y2 = y[1];
    observation.noise_variance2 = variance[1];
    return observation;
  }

  bo::Status status(const io::CsvRecord& record) {
    if (!place_.contains("status")) return bo::Status::ok;
    const std::string text = field(record, "status");
    const auto row = std::ranges::find(kStatus, lower_case(text), &StatusName::name);
    if (row != kStatus.end()) return row->status;
    problem(record.line, "status", fmt::format("'{}' is not ok, failed or pending", text));
    return bo::Status::failed;
  }

  // NaN where there is none.
  double outcome(const io::CsvRecord& record, const std::string& column) {
    const std::string text = field(record, column);
    if (is_missing(text)) return kUnset;
    const auto value = as_number(text);
    if (!value) problem(record.line, column, fmt::format("'{}' is not a number", text));
    return value.value_or(kUnset);
  }

  double noise(const io::CsvRecord& record, const Goal& goal) {
    const double value = outcome(record, goal.noise);
    if (value < 0.0) {
      problem(record.line, goal.noise,
              fmt::format("a {} of {}", goal.is_variance ? "variance" : "standard deviation",
                          io::number(value)));
    }
    return goal.is_variance ? value : value * value;
  }

  // The values in the columns that begin with `prefix`; 0 where a variable does not exist.
  bo::Point point(const io::CsvRecord& record, const std::string& prefix) {
    const auto& variables = space_.space.variables;
    bo::Point x(columns_.size());
    std::vector<bool> visited(variables.size());
    const auto visit = [&](const auto& self, std::size_t v) -> void {
      if (visited[v]) return;
      visited[v] = true;
      for (const bo::Condition& condition : variables[v].when) self(self, condition.parent);
      if (variables[v].when.empty() || bo::existing(space_.space, x)[v]) {
        read_variable(record, prefix, v, x);
      }
    };
    for (std::size_t v = 0; v < variables.size(); ++v) visit(visit, v);
    return x;
  }

  void read_variable(const io::CsvRecord& record, const std::string& prefix, std::size_t index,
                     bo::Point& x) {
    bo::Variable& variable = space_.space.variables[index];
    const std::size_t first = first_columns_[index];
    const auto weights = std::span(x).subspan(first, variable.columns());
    double sum = 0.0;
    for (std::size_t c = 0; c < weights.size(); ++c) {
      const std::string column = prefix + columns_[first + c];
      const std::string text = field(record, column);
      if (!place_.contains(column)) {
        problem(record.line, column, "is missing, and the variable exists here");
      } else if (variable.type == Type::choice) {
        weights[c] = choice(record.line, column, variable, text);
      } else {
        weights[c] = value(record.line, column, variable, text);
      }
      sum += weights[c];
    }
    if (variable.type != Type::simplex) return;
    if (!(std::abs(sum - 1.0) <= kSumTolerance)) {
      problem(record.line, prefix + variable.name,
              fmt::format("weights sum to {}, not 1", io::number(sum)));
      return;
    }
    for (double& w : weights) w /= sum;
  }

  double choice(int line, const std::string& column, bo::Variable& variable,
                const std::string& text) {
    if (const auto index = find_value(variable, text)) return static_cast<double>(*index);
    // A library's None is written as nothing at all.
    const auto none = std::ranges::find_if(variable.values, is_missing);
    if (is_missing(text) && none != variable.values.end()) {
      return static_cast<double>(none - variable.values.begin());
    }
    if (nominee_) {
      lost_ = true;
      return 0.0;
    }
    if (options_.keep_outside && !is_missing(text)) {
      variable.values.push_back(text);
      ++variable.retired;
      note(fmt::format("column '{}': '{}' is none of the values: kept as knowledge, never proposed",
                       column, text));
      return static_cast<double>(variable.values.size() - 1);
    }
    const auto listed = variable.values.size() - static_cast<std::size_t>(variable.retired);
    const std::vector<std::string> values(
        variable.values.begin(), variable.values.begin() + static_cast<std::ptrdiff_t>(listed));
    problem(line, column,
            fmt::format("'{}' is not one of {}{}", text, fmt::join(values, ", "),
                        is_missing(text) ? "" : kKeepOutside));
    return 0.0;
  }

  double value(int line, const std::string& column, const bo::Variable& variable,
               const std::string& text) {
    const bool weight = variable.type == Type::simplex;
    const double low = weight ? 0.0 : variable.low, high = weight ? 1.0 : variable.high;
    const auto read = as_number(text);
    if (!read || std::isnan(*read) ||
        (variable.type == Type::integer && *read != std::floor(*read))) {
      problem(line, column,
              fmt::format("'{}' is not {}", text,
                          variable.type == Type::integer ? "a whole number" : "a number"));
      return low;
    }
    const auto slack = [&](double bound) {
      return std::max(kRangeRounding * (high / 2.0 - low / 2.0), kFloatRounding * std::abs(bound));
    };
    if (*read >= low - slack(low) && *read <= high + slack(high))
      return std::clamp(*read, low, high);
    const bool has_place =
        !weight && std::isfinite(*read) && low < high && !(variable.log && *read <= 0.0);
    if (has_place && nominee_) return *read;
    if (has_place && options_.keep_outside) {
      outside_.insert(line);
      return *read;
    }
    problem(line, column,
            fmt::format("{} is outside {} to {}{}", text, io::number(low), io::number(high),
                        has_place ? kKeepOutside : ""));
    return low;
  }

  // Empty when hedge did not propose the row, or when a value is not listed any more.
  std::vector<double> nominees(const io::CsvRecord& record) {
    std::vector<double> out;
    const std::vector<std::string> columns = space_.nominee_columns();
    const bool none = std::ranges::all_of(
        columns, [&](const std::string& column) { return field(record, column).empty(); });
    if (none) return out;
    nominee_ = true;
    lost_ = false;
    for (const bo::Acquisition& row : bo::acquisitions()) {
      const bo::Point x = point(record, fmt::format("hedge_{}_", row.name));
      out.insert(out.end(), x.begin(), x.end());
    }
    nominee_ = false;
    if (lost_) out.clear();
    return out;
  }

  // Empty where the file has no such column; a number with a decimal point.
  std::string field(const io::CsvRecord& record, const std::string& column) const {
    const auto place = place_.find(column);
    if (place == place_.end()) return "";
    std::string text(trimmed(record.fields[place->second]));
    if (!decimal_comma_) return text;
    std::string pointed = text;
    std::ranges::replace(pointed, ',', '.');
    return as_number(pointed) ? pointed : text;
  }

  void note(const std::string& text) { rows_.notes.push_back(fmt::format("{}: {}", name_, text)); }

  void problem(int line, const std::string& column, const std::string& what) {
    problems_.push_back(fmt::format("{}:{}: column '{}': {}", name_, line, column, what));
  }

  void throw_problems() {
    if (problems_.empty()) return;
    const std::size_t more = problems_.size() - std::min(problems_.size(), kMostProblems);
    problems_.resize(problems_.size() - more);
    if (more > 0) problems_.push_back(fmt::format("{}: and {} more", name_, more));
    throw InputError(fmt::format("{}", fmt::join(problems_, "\n")));
  }

  static constexpr double kUnset = std::numeric_limits<double>::quiet_NaN();
  static constexpr std::string_view kKeepOutside = "; --outside keep takes it as knowledge";
  const std::string& name_;
  const HistoryOptions& options_;
  SuggestSpace& space_;
  std::vector<std::string> columns_;
  std::vector<const bo::Variable*> owners_;  // of the columns
  std::vector<std::size_t> first_columns_;   // of the variables
  std::map<std::string, std::size_t> place_;
  std::size_t width_ = 0;
  bool decimal_comma_ = false, has_nominees_ = false, is_trials_ = false;
  bool nominee_ = false, lost_ = false;  // while nominees are read: such values are not errors
  std::set<int> outside_;                // lines
  HistoryRows rows_;
  std::vector<std::string> problems_;
};

}  // namespace

HistoryRows read_history(std::string_view text, const std::string& name,
                         const HistoryOptions& options, SuggestSpace& space) {
  return Reader(name, options, space).read(text);
}

}  // namespace runner::spec
