#include "experiment/record.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "io/csv.hpp"
#include "io/json.hpp"

namespace runner::experiment {
namespace {

using json = io::Json;

// JSON has no word for what is not finite; those are strings. The parser of io::number reads them.
json real(double value) {
  if (std::isfinite(value)) return value;
  return io::number(value);
}

double real(const json& value) {
  if (!value.is_string()) return value.get<double>();
  double number = 0.0;
  if (!io::parse_number(value.get_ref<const std::string&>(), number)) {
    throw json::type_error::create(302, "not a number: " + value.dump(), &value);
  }
  return number;
}

json reals(const std::vector<double>& values) {
  json array = json::array();
  for (const double value : values) array.push_back(real(value));
  return array;
}

std::vector<double> reals(const json& array) {
  std::vector<double> values;
  for (const json& value : array) values.push_back(real(value));
  return values;
}

train::Status status_from(const json& value) {
  const auto name = std::ranges::find(train::kStatusNames, value.get<std::string>());
  if (name != train::kStatusNames.end()) return train::Status(name - train::kStatusNames.begin());
  throw json::type_error::create(302, "not a status: " + value.dump(), &value);
}

// Pairs stay an array: their order is the spec's.
json named(const std::vector<std::pair<std::string, double>>& values) {
  json array = json::array();
  for (const auto& [name, value] : values) array.push_back({name, real(value)});
  return array;
}

std::vector<std::pair<std::string, double>> named(const json& array) {
  std::vector<std::pair<std::string, double>> values;
  for (const json& pair : array) {
    values.emplace_back(pair.at(0).get<std::string>(), real(pair.at(1)));
  }
  return values;
}

json fit_json(const bo::Fit& fit) {
  return {{"lengthscales", reals(fit.lengthscales)},
          {"outputscale", real(fit.outputscale)},
          {"noise", real(fit.noise)},
          {"mean", real(fit.mean)},
          {"log_posterior", real(fit.log_posterior)},
          {"warped", fit.warped},
          {"loo_z", reals(fit.loo_z)},
          {"evaluations", fit.evaluations},
          {"fallback", fit.fallback}};
}

bo::Fit fit_from(const json& object) {
  bo::Fit fit;
  fit.lengthscales = reals(object.at("lengthscales"));
  fit.outputscale = real(object.at("outputscale"));
  fit.noise = real(object.at("noise"));
  fit.mean = real(object.at("mean"));
  fit.log_posterior = real(object.at("log_posterior"));
  object.at("warped").get_to(fit.warped);
  fit.loo_z = reals(object.at("loo_z"));
  object.at("evaluations").get_to(fit.evaluations);
  object.at("fallback").get_to(fit.fallback);
  return fit;
}

json proposal_json(const Proposal& proposal) {
  return {{"source", proposal.source},
          {"acquisition_value", real(proposal.acquisition_value)},
          {"mean", real(proposal.mean)},
          {"stddev", real(proposal.stddev)},
          {"warm_start", reals(proposal.warm_start)},
          {"nominees", reals(proposal.nominees)},
          {"fit", fit_json(proposal.fit)}};
}

Proposal proposal_from(const json& object) {
  return {.source = object.at("source").get<std::string>(),
          .acquisition_value = real(object.at("acquisition_value")),
          .mean = real(object.at("mean")),
          .stddev = real(object.at("stddev")),
          .warm_start = reals(object.at("warm_start")),
          .nominees = reals(object.value("nominees", json::array())),  // older ones have none
          .fit = fit_from(object.at("fit"))};
}

json scores_json(const data::Scores& scores) {
  return {{"values", named(scores.values)},
          {"score", real(scores.score)},
          {"degenerate", scores.degenerate}};
}

data::Scores scores_from(const json& object) {
  return {.values = named(object.at("values")),
          .score = real(object.at("score")),
          .degenerate = object.at("degenerate").get<bool>()};
}

// One text for all rows: an array of JSON numbers takes twice the bytes and ten times the time.
std::string floats(const std::vector<float>& values) {
  std::string text;
  for (const float value : values) {
    if (!text.empty()) text += ' ';
    char digits[32];
    text.append(digits, std::to_chars(std::begin(digits), std::end(digits), value).ptr);
  }
  return text;
}

std::vector<float> floats(const json& text) {
  const std::string& digits = text.get_ref<const std::string&>();
  const char* const end = digits.data() + digits.size();
  std::vector<float> values;
  for (const char* at = digits.data(); at < end; ++at) {
    const auto [next, error] = std::from_chars(at, end, values.emplace_back());
    if (error != std::errc{} || (next < end && *next != ' ')) {
      throw json::type_error::create(302, "not numbers: " + text.dump(), &text);
    }
    at = next;
  }
  return values;
}

json predictions_json(const std::vector<Predictions>& parts) {
  json array = json::array();
  for (const Predictions& part : parts) {
    array.push_back({{"labels", floats(part.labels)}, {"predicted", floats(part.predicted)}});
  }
  return array;
}

std::vector<Predictions> predictions_from(const json& array) {
  std::vector<Predictions> parts;
  for (const json& part : array) {
    parts.push_back({floats(part.at("labels")), floats(part.at("predicted"))});
  }
  return parts;
}

json budget_json(const Budget& budget) {
  return {{"examples", budget.examples},
          {"tokens", budget.tokens},
          {"flops", real(budget.flops)},
          {"train_seconds", real(budget.train_seconds)},
          {"fusion_seconds", real(budget.fusion_seconds)},
          {"evaluate_seconds", real(budget.evaluate_seconds)}};
}

Budget budget_from(const json& object) {
  return {.examples = object.at("examples").get<std::int64_t>(),
          .tokens = object.at("tokens").get<std::int64_t>(),
          .flops = real(object.at("flops")),
          .train_seconds = real(object.at("train_seconds")),
          .fusion_seconds = real(object.at("fusion_seconds")),
          .evaluate_seconds = real(object.at("evaluate_seconds"))};
}

json curve_json(const std::vector<StepRecord>& curve) {
  json array = json::array();
  for (const StepRecord& point : curve) {
    array.push_back(
        {point.step, real(point.loss), real(point.learning_rate), real(point.grad_norm)});
  }
  return array;
}

std::vector<StepRecord> curve_from(const json& array) {
  std::vector<StepRecord> curve;
  for (const json& point : array) {
    curve.push_back({.step = point.at(0).get<std::int64_t>(),
                     .loss = real(point.at(1)),
                     .learning_rate = real(point.at(2)),
                     .grad_norm = real(point.at(3))});
  }
  return curve;
}

json rungs_json(const std::vector<RungRecord>& rungs) {
  json array = json::array();
  for (const RungRecord& rung : rungs) {
    array.push_back({{"step", rung.step},
                     {"score", real(rung.score)},
                     {"examples", rung.examples},
                     {"tokens", rung.tokens},
                     {"flops", real(rung.flops)},
                     {"seconds", real(rung.seconds)},
                     {"look_examples", rung.look_examples},
                     {"look_flops", real(rung.look_flops)},
                     {"look_seconds", real(rung.look_seconds)}});
  }
  return array;
}

std::vector<RungRecord> rungs_from(const json& array) {
  std::vector<RungRecord> rungs;
  for (const json& rung : array) {
    rungs.push_back({.step = rung.at("step").get<std::int64_t>(),
                     .score = real(rung.at("score")),
                     .examples = rung.at("examples").get<std::int64_t>(),
                     .tokens = rung.at("tokens").get<std::int64_t>(),
                     .flops = real(rung.at("flops")),
                     .seconds = real(rung.at("seconds")),
                     .look_examples = rung.at("look_examples").get<std::int64_t>(),
                     .look_flops = real(rung.at("look_flops")),
                     .look_seconds = real(rung.at("look_seconds"))});
  }
  return rungs;
}

}  // namespace

Proposal make_proposal(const bo::Suggestion& suggestion) {
  return {.source = suggestion.source,
          .acquisition_value = suggestion.acquisition_value,
          .mean = suggestion.mean,
          .stddev = suggestion.stddev,
          .warm_start = suggestion.warm_start,
          .nominees = suggestion.nominees,
          .fit = suggestion.fit};
}

std::vector<StepRecord> thin(const std::vector<StepRecord>& curve, std::size_t points) {
  const std::size_t size = curve.size();
  if (size <= points) return curve;
  std::vector<StepRecord> kept;
  std::size_t begin = 0;
  for (std::size_t i = 1; i <= points; ++i) {
    const std::size_t end = i * size / points;
    StepRecord point = curve[end - 1];
    point.loss = point.grad_norm = 0.0;
    for (std::size_t j = begin; j < end; ++j) {
      point.loss += curve[j].loss / static_cast<double>(end - begin);
      point.grad_norm += curve[j].grad_norm / static_cast<double>(end - begin);
    }
    kept.push_back(point);
    begin = end;
  }
  return kept;
}

void to_json(json& json, const RunRecord& record) {
  json = {{"status", train::status_name(record.status)},
          {"why", record.why},
          {"steps", record.steps},
          {"examples", record.examples},
          {"tokens", record.tokens},
          {"flops", real(record.flops)},
          {"train_loss", real(record.train_loss)},
          {"seconds", real(record.seconds)},
          {"snapshots", record.snapshots},
          {"curve", curve_json(record.curve)}};
  if (!record.rungs.empty()) json["rungs"] = rungs_json(record.rungs);
}

void from_json(const json& json, RunRecord& record) {
  record = {.status = status_from(json.at("status")),
            .why = json.at("why").get<std::string>(),
            .steps = json.at("steps").get<std::int64_t>(),
            .examples = json.at("examples").get<std::int64_t>(),
            .tokens = json.at("tokens").get<std::int64_t>(),
            .flops = real(json.at("flops")),
            .train_loss = real(json.at("train_loss")),
            .seconds = real(json.at("seconds")),
            .snapshots = json.at("snapshots").get<int>(),
            .curve = curve_from(json.at("curve")),
            .rungs = rungs_from(json.value("rungs", json::array()))};
}

void to_json(json& json, const InnerRecord& record) {
  json = {{"trial", record.trial},
          {"alpha", reals(record.alpha)},
          {"loss", real(record.loss)},
          {"gradient", reals(record.gradient)},
          {"selection_loss", real(record.selection_loss)},
          {"selection_score", real(record.selection_score)},
          {"rows", record.rows},
          {"incumbent", record.incumbent},
          {"proposal", proposal_json(record.proposal)},
          {"examples", record.examples},
          {"flops", real(record.flops)},
          {"seconds", real(record.seconds)}};
}

void from_json(const json& json, InnerRecord& record) {
  record = {.trial = json.at("trial").get<int>(),
            .alpha = reals(json.at("alpha")),
            .loss = real(json.at("loss")),
            .gradient = reals(json.at("gradient")),
            .selection_loss = real(json.at("selection_loss")),
            .selection_score = real(json.at("selection_score")),
            .rows = json.at("rows").get<int>(),
            .incumbent = json.at("incumbent").get<bool>(),
            .proposal = proposal_from(json.at("proposal")),
            .examples = json.at("examples").get<std::int64_t>(),
            .flops = real(json.at("flops")),
            .seconds = real(json.at("seconds"))};
}

void to_json(json& json, const TrialRecord& record) {
  json = {{"task", record.task},
          {"method", record.method},
          {"seed", record.seed},
          {"trial", record.trial},
          {"run_seed", record.run_seed},
          {"run", record.run},
          {"lambda", named(record.lambda)},
          {"proposal", proposal_json(record.proposal)},
          {"status", train::status_name(record.status)},
          {"why", record.why},
          {"objective", real(record.objective)},
          {"train_loss", real(record.train_loss)},
          {"fusion_loss", real(record.fusion_loss)},
          {"inner_evaluations", record.inner_evaluations},
          {"alpha", reals(record.alpha)},
          {"selection", scores_json(record.evaluation.selection)},
          {"report", scores_json(record.evaluation.report)},
          {"selection_loss", real(record.evaluation.selection_loss)},
          {"report_loss", real(record.evaluation.report_loss)},
          {"predictions", predictions_json(record.evaluation.predictions)},
          {"budget", budget_json(record.budget)},
          {"snapshots", record.snapshots},
          {"curve", curve_json(record.curve)}};
  if (record.rungs.empty()) return;
  json["rungs"] = json::array();
  for (const Rung& rung : record.rungs) json["rungs"].push_back({rung.share, real(rung.least)});
  json["rung_scores"] = reals(record.rung_scores);
}

void from_json(const json& json, TrialRecord& record) {
  record = TrialRecord{};
  json.at("task").get_to(record.task);
  json.at("method").get_to(record.method);
  json.at("seed").get_to(record.seed);
  json.at("trial").get_to(record.trial);
  json.at("run_seed").get_to(record.run_seed);
  record.run = json.value("run", "");  // not in the journals of earlier versions
  record.lambda = named(json.at("lambda"));
  record.proposal = proposal_from(json.at("proposal"));
  record.status = status_from(json.at("status"));
  json.at("why").get_to(record.why);
  record.objective = real(json.at("objective"));
  record.train_loss = real(json.at("train_loss"));
  record.fusion_loss = real(json.at("fusion_loss"));
  json.at("inner_evaluations").get_to(record.inner_evaluations);
  record.alpha = reals(json.at("alpha"));
  record.evaluation.selection = scores_from(json.at("selection"));
  record.evaluation.report = scores_from(json.at("report"));
  record.evaluation.selection_loss = real(json.at("selection_loss"));
  record.evaluation.report_loss = real(json.at("report_loss"));
  record.evaluation.predictions = predictions_from(json.at("predictions"));
  record.budget = budget_from(json.at("budget"));
  json.at("snapshots").get_to(record.snapshots);
  record.curve = curve_from(json.at("curve"));
  for (const auto& rung : json.value("rungs", json::array())) {
    record.rungs.push_back({rung.at(0).get<double>(), real(rung.at(1))});
  }
  record.rung_scores = reals(json.value("rung_scores", json::array()));
}

int best_trial(std::span<const TrialRecord> trials) {
  int best = -1;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (!trials[i].has_result()) continue;
    if (best < 0 || trials[i].objective < trials[static_cast<std::size_t>(best)].objective) {
      best = static_cast<int>(i);
    }
  }
  return best;
}

bool is_incumbent(const TrialRecord& trial, std::span<const TrialRecord> earlier) {
  if (!trial.has_result()) return false;
  const int best = best_trial(earlier);
  return best < 0 || trial.objective < earlier[static_cast<std::size_t>(best)].objective;
}

}  // namespace runner::experiment
