#include "lab/laboratory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "data/tokenizer.hpp"
#include "experiment/version.hpp"
#include "fusion/trajectory.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "lab/run_file.hpp"
#include "lab/stored_run.hpp"
#include "lab/task_data.hpp"
#include "spec/variables.hpp"
#include "train/cuda_graph.hpp"
#include "train/finetune.hpp"

namespace runner::lab {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

using experiment::kTrainerVersion;
constexpr int kGpuVersion = 3;  // likewise of runs on a GPU alone

// Everything that determines a run's bits, in one canonical text.
std::string run_key(const TaskData& task, const experiment::RunRequest& request,
                    const train::Device& device, bool deterministic) {
  spec::Trial trial;
  trial.train = request.options;
  json options = json::object();
  for (const spec::VariableRow& variable : spec::variables()) {
    if (!variable.is_inner()) options[std::string(variable.name)] = variable.get(trial);
  }
  json key = {{"trainer", kTrainerVersion},
              {"data", task.hash},
              {"start", task.start->hash()},
              {"options", options},
              {"seed", request.seed}};
  if (!device.is_cpu()) {  // which of a machine's does not matter
    key["gpu"] = {kGpuVersion, deterministic, train::has_cuda_graphs()};
  }
  return io::content_hash(key.dump());
}

class StoringLaboratory : public Laboratory {
 public:
  StoringLaboratory(const spec::Spec& spec, fs::path store, int threads, std::uintmax_t store_bytes)
      : spec_(spec),
        store_(std::move(store)),
        threads_(threads),
        store_bytes_(store_bytes),
        device_(train::resolve_device(spec.device)),
        tokenizer_(data::Tokenizer::load(spec.model)) {
    train::prepare_device(device_, spec.deterministic);
  }

  std::unique_ptr<experiment::TrainedRun> train(const experiment::RunRequest& request,
                                                const std::function<bool()>& should_stop) override;
  std::vector<std::string> notes() const override {
    const std::lock_guard lock(tasks_mutex_);
    return {notes_.begin(), notes_.end()};
  }
  void try_inputs(const spec::TaskEntry& task) const override {
    read_task(spec_, task, tokenizer_, task.recipe.train.max_length, spec_.seeds.front(),
              std::make_shared<StartWeights>(spec_.model, task.task.labels));
  }

 private:
  // One lock per run, so that two callers of the same run train it once.
  struct Slot {
    std::mutex mutex;
    std::shared_ptr<Memo> memo = std::make_shared<Memo>();
  };

  std::shared_ptr<const TaskData> task(const experiment::RunRequest& request);
  void claim_inputs(const TaskData& task, int max_length) const;
  std::unique_ptr<experiment::TrainedRun> open(const std::string& key, const Slot& slot,
                                               const std::shared_ptr<const TaskData>& task,
                                               const train::Options& options,
                                               const std::function<bool()>& should_stop) const;
  void make_room(const std::string& keep) const;

  const spec::Spec& spec_;
  fs::path store_;
  int threads_;
  std::uintmax_t store_bytes_;
  train::Device device_;
  data::Tokenizer tokenizer_;

  mutable std::mutex tasks_mutex_;
  // By name, max_length and the split's seed.
  std::map<std::tuple<std::string, int, std::uint64_t>, std::weak_ptr<const TaskData>> tasks_;
  std::map<std::vector<std::string>, std::shared_ptr<const StartWeights>> starts_;  // by labels
  // Cells come task by task: the last tasks stay in memory between trials, the others do not.
  std::deque<std::shared_ptr<const TaskData>> recent_;
  static constexpr std::size_t kRecent = 2;
  std::set<std::string> notes_;

  std::mutex slots_mutex_;
  std::map<std::string, std::shared_ptr<Slot>> slots_;
};

std::shared_ptr<const TaskData> StoringLaboratory::task(const experiment::RunRequest& request) {
  const std::lock_guard lock(tasks_mutex_);
  const int max_length = request.options.max_length;
  auto& known = tasks_[{request.task, max_length, request.split_seed}];
  if (auto task_data = known.lock()) return task_data;
  const auto entry =
      std::find_if(spec_.tasks.begin(), spec_.tasks.end(),
                   [&](const spec::TaskEntry& e) { return e.task.name == request.task; });
  auto& start = starts_[entry->task.labels];
  if (start == nullptr) start = std::make_shared<StartWeights>(spec_.model, entry->task.labels);
  const auto task_data =
      read_task(spec_, *entry, tokenizer_, max_length, request.split_seed, start);
  claim_inputs(*task_data, max_length);
  notes_.insert(task_data->note);
  known = task_data;
  recent_.push_back(task_data);
  if (recent_.size() > kRecent) recent_.pop_front();
  return task_data;
}

// Results of other data or weights must not come to lie among a run's.
void StoringLaboratory::claim_inputs(const TaskData& task, int max_length) const {
  const std::string& name = task.entry->task.name;
  const fs::path file =
      store_.parent_path() / "inputs" / fmt::format("{}_{}.json", name, max_length);
  const std::string now = json{{"data", task.files_hash}, {"model", task.start->hash()}}.dump();
  if (!fs::exists(file)) {
    io::write_file_atomic(file, now);
  } else if (io::read_file(file) != now) {
    throw InputError(fmt::format(
        "{}: the data of {} or the model's weights are not those that this run was begun with; "
        "bring them back, or give the run another name (name=...)",
        file.string(), name));
  }
}

// Drops the trajectories that were used longest ago until the rest fits.
void StoringLaboratory::make_room(const std::string& keep) const {
  struct File {
    fs::file_time_type used;
    std::uintmax_t bytes;
    fs::path path;
  };
  std::vector<File> files;
  std::uintmax_t total = 0;
  std::error_code ignored;  // another process of the same run may drop a file first
  for (const auto& entry : fs::directory_iterator(store_, ignored)) {
    for (const char* name : {"trajectory.bin", "ema.bin"}) {
      const fs::path path = entry.path() / name;
      const std::uintmax_t bytes = fs::file_size(path, ignored);
      if (ignored) continue;
      total += bytes;
      if (entry.path().filename() != keep) {
        files.push_back({fs::last_write_time(path, ignored), bytes, path});
      }
    }
  }
  std::sort(files.begin(), files.end(),
            [](const File& a, const File& b) { return a.used < b.used; });
  for (const File& file : files) {
    if (total <= store_bytes_) break;
    fs::remove(file.path, ignored);
    total -= file.bytes;
  }
}

// A stored trajectory; null when it is not there, or was damaged by a machine that died.
std::shared_ptr<const fusion::Trajectory> open_trajectory(const fs::path& path) {
  if (!fs::exists(path)) return nullptr;
  try {
    return std::make_shared<fusion::Trajectory>(path);
  } catch (const InputError&) {
    return nullptr;
  }
}

// The stored run; null when it, or the trajectory of one that succeeded, is not there.
std::unique_ptr<experiment::TrainedRun> StoringLaboratory::open(
    const std::string& key, const Slot& slot, const std::shared_ptr<const TaskData>& task_data,
    const train::Options& options, const std::function<bool()>& should_stop) const {
  const fs::path folder = store_ / key;
  if (!fs::exists(folder / "run.json")) return nullptr;
  experiment::RunRecord record = read_record(folder / "run.json");
  std::shared_ptr<const fusion::Trajectory> trajectory, ema;
  if (record.snapshots > 0) {
    trajectory = open_trajectory(folder / "trajectory.bin");
    if (trajectory == nullptr) return nullptr;
    std::error_code ignored;  // the time of use only guides make_room
    fs::last_write_time(folder / "trajectory.bin", fs::file_time_type::clock::now(), ignored);
    if (options.ema_decay > 0.0) {
      ema = open_trajectory(folder / "ema.bin");
      if (ema == nullptr) return nullptr;
    }
  }
  return std::make_unique<StoredRun>(task_data, std::move(record), std::move(trajectory),
                                     std::move(ema), slot.memo, device_, options, threads_,
                                     should_stop);
}

std::unique_ptr<experiment::TrainedRun> StoringLaboratory::train(
    const experiment::RunRequest& request, const std::function<bool()>& should_stop) {
  train::set_threads(threads_);
  train::use_own_stream(device_);
  const std::shared_ptr<const TaskData> data = task(request);
  const std::string key = run_key(*data, request, device_, spec_.deterministic);
  std::shared_ptr<Slot> slot;
  {
    const std::lock_guard lock(slots_mutex_);
    auto& known = slots_[key];
    if (known == nullptr) known = std::make_shared<Slot>();
    slot = known;
  }
  const std::lock_guard lock(slot->mutex);
  if (auto run = open(key, *slot, data, request.options, should_stop)) return run;

  const fs::path folder = store_ / key;
  std::shared_ptr<const model::Checkpoint> start = data->start->read();
  const train::Result result = train::finetune({.config = start->config,
                                                .classes = data->entry->task.classes(),
                                                .weights = start->weights,
                                                .fresh_head = start->fresh_head,
                                                .data = &data->train,
                                                .options = request.options,
                                                .seed = request.seed,
                                                .device = device_,
                                                .frozen = data->frozen,
                                                .checkpoint = folder,
                                                .on_loaded = [&start] { start.reset(); },
                                                .should_stop = should_stop});
  if (result.status == train::Status::interrupted) throw experiment::Stopped();
  if (result.status == train::Status::out_of_memory) {
    // Of this moment, not of the run: it is not stored, so that it can be tried again.
    return std::make_unique<StoredRun>(data, record_of(result), nullptr, nullptr, slot->memo,
                                       device_, request.options, threads_, should_stop);
  }
  if (!result.snapshots.empty()) {
    fusion::save_trajectory(folder / "trajectory.bin", result.snapshots);
    if (!result.ema.empty()) fusion::save_trajectory(folder / "ema.bin", {&result.ema, 1});
  }
  write_record(folder / "run.json", record_of(result));  // last: what it names is there
  make_room(key);
  auto run = open(key, *slot, data, request.options, should_stop);
  if (run == nullptr) {
    throw std::runtime_error((folder / "trajectory.bin").string() +
                             ": cannot be read back right after it was written");
  }
  return run;
}

}  // namespace

std::unique_ptr<Laboratory> make_laboratory(const spec::Spec& spec, fs::path store, int threads,
                                            std::uintmax_t store_bytes) {
  return std::make_unique<StoringLaboratory>(spec, std::move(store), threads, store_bytes);
}

}  // namespace runner::lab
