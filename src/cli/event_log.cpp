#include "cli/event_log.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/error.hpp"

namespace runner::cli {
namespace {

using Json = nlohmann::ordered_json;  // not-a-number and infinities are written as null

constexpr std::chrono::seconds kStepEvery{1};

const char* name_of(experiment::Event::Kind kind) {
  using Kind = experiment::Event::Kind;
  switch (kind) {
    case Kind::begin:
      return "begin";
    case Kind::step:
      return "step";
    case Kind::inner:
      return "mix";
    case Kind::trial:
      return "trial";
    case Kind::cell:
      return "cell";
    case Kind::waiting:
      return "waiting";
    case Kind::warning:
      return "warning";
    case Kind::error:
      return "error";
  }
  return "";
}

std::string now() {
  using namespace std::chrono;
  const auto time = system_clock::now();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(system_clock::to_time_t(time)),
                     duration_cast<milliseconds>(time.time_since_epoch()).count() % 1000);
}

void add(Json& line, const experiment::TrialRecord& trial) {
  line["trial"] = trial.trial;
  line["status"] = train::status_name(trial.status);
  if (!trial.why.empty()) line["why"] = trial.why;
  line["source"] = trial.proposal.source;
  Json lambda = Json::object();
  for (const auto& [name, value] : trial.lambda) lambda[name] = value;
  line["lambda"] = std::move(lambda);
  line["alpha"] = trial.alpha;
  line["train_loss"] = trial.train_loss;
  line["fusion_loss"] = trial.fusion_loss;
  line["selection_score"] = trial.evaluation.selection.score;
  line["examples"] = trial.budget.examples;
  line["flops"] = trial.budget.flops;
  line["seconds"] = experiment::amount_of(trial.budget, spec::BudgetUnit::seconds);
}

Json line_of(const experiment::Event& event) {
  Json line{{"time", now()}, {"process", ::getpid()}, {"event", name_of(event.kind)}};
  if (!event.cell.empty()) line["cell"] = event.cell;
  if (event.step != nullptr) {
    line["trial"] = event.step_of;
    line["step"] = event.step->step;
    line["steps"] = event.steps;
    line["loss"] = event.step->loss;
  }
  if (event.inner != nullptr) {
    line["trial"] = event.inner->trial;
    line["alpha"] = event.inner->alpha;
    line["loss"] = event.inner->loss;
    line["incumbent"] = event.inner->incumbent;
  }
  if (event.trial != nullptr) add(line, *event.trial);
  if (!event.message.empty()) line["message"] = event.message;
  line["trials_done"] = event.trials_done;
  line["trials"] = event.trials;
  line["cells_done"] = event.cells_done;
  line["cells"] = event.cells;
  return line;
}

}  // namespace

EventLog::EventLog(const std::filesystem::path& file, std::function<void(const std::string&)> tell)
    : file_(file), tell_(std::move(tell)), stream_(std::fopen(file.c_str(), "ae"), std::fclose) {
  if (stream_ == nullptr) {
    throw InputError(fmt::format("--events: {}: {}", file.string(), std::strerror(errno)));
  }
  std::setvbuf(stream_.get(), nullptr, _IONBF, 0);
}

void EventLog::operator()(const experiment::Event& event) {
  const std::lock_guard guard(mutex_);
  if (stream_ == nullptr) return;
  if (event.step != nullptr) {
    const Clock::time_point time = Clock::now();
    Clock::time_point& last = stepped_[event.cell];
    if (last != Clock::time_point{} && time - last < kStepEvery) return;
    last = time;
  }
  const std::string line =
      line_of(event).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (std::fwrite(line.data(), 1, line.size(), stream_.get()) == line.size()) return;
  tell_(fmt::format("{}: {}; the event log ends", file_.string(), std::strerror(errno)));
  stream_.reset();
}

}  // namespace runner::cli
