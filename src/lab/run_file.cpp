#include "lab/run_file.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "io/file.hpp"

namespace runner::lab {
using nlohmann::json;

namespace {

// A diverged run's losses are not finite, and JSON writes those as null.
double real(const json& value) { return value.is_null() ? std::nan("") : value.get<double>(); }

}  // namespace

experiment::RunRecord record_of(const train::Result& result) {
  experiment::RunRecord record{.status = std::string(train::status_name(result.status)),
                               .why = result.why,
                               .steps = result.total_steps,
                               .examples = result.examples,
                               .tokens = result.tokens,
                               .flops = result.flops,
                               .train_loss = result.train_loss,
                               .seconds = result.seconds,
                               .snapshots = static_cast<int>(result.snapshots.size()),
                               .curve = {}};
  for (const train::StepRecord& step : result.curve) {
    record.curve.push_back({step.step, step.loss, step.learning_rate, step.grad_norm});
  }
  return record;
}

void write_record(const std::filesystem::path& path, const experiment::RunRecord& record) {
  json curve = json::array();
  for (const experiment::CurvePoint& point : record.curve) {
    curve.push_back({point.step, point.loss, point.learning_rate, point.grad_norm});
  }
  const json value = {{"status", record.status},         {"why", record.why},
                      {"steps", record.steps},           {"examples", record.examples},
                      {"tokens", record.tokens},         {"flops", record.flops},
                      {"train_loss", record.train_loss}, {"curve", curve},
                      {"seconds", record.seconds},       {"snapshots", record.snapshots}};
  io::write_file_atomic(path, value.dump());
}

experiment::RunRecord read_record(const std::filesystem::path& path) {
  const json value = json::parse(io::read_file(path));
  experiment::RunRecord record{.status = value.at("status"),
                               .why = value.at("why"),
                               .steps = value.at("steps"),
                               .examples = value.at("examples"),
                               .tokens = value.at("tokens"),
                               .flops = value.at("flops"),
                               .train_loss = real(value.at("train_loss")),
                               .seconds = value.at("seconds"),
                               .snapshots = value.at("snapshots"),
                               .curve = {}};
  for (const json& point : value.at("curve")) {
    record.curve.push_back({point.at(0), real(point.at(1)), real(point.at(2)), real(point.at(3))});
  }
  return record;
}

}  // namespace runner::lab
