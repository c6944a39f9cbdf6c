#include "lab/laboratory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "data/cache.hpp"
#include "data/glue.hpp"
#include "data/splits.hpp"
#include "data/tokenizer.hpp"
#include "fusion/trajectory.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "lab/run_file.hpp"
#include "lab/stored_run.hpp"
#include "model/checkpoint.hpp"
#include "random/philox.hpp"
#include "spec/variables.hpp"
#include "train/finetune.hpp"

namespace runner::lab {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// Raised when the trainer changes what a run's bits are, so that no older run is taken for it.
constexpr int kTrainerVersion = 1;
// Splits and subsets are the experiment's, not a cell's: every seed and method sees the same rows.
constexpr std::uint64_t kSplitSeed = 0;

template <typename T>
std::string_view bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::string hash_of(const data::EncodedSplit& split) {
  return io::content_hash(bytes_of(split.ids)) + io::content_hash(bytes_of(split.types)) +
         io::content_hash(bytes_of(split.offsets)) + io::content_hash(bytes_of(split.labels));
}

std::vector<int> all_rows(const data::EncodedSplit& split) {
  std::vector<int> rows(static_cast<std::size_t>(split.rows()));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

std::int64_t rows_of(const std::vector<data::EncodedSplit>& parts) {
  std::int64_t rows = 0;
  for (const data::EncodedSplit& part : parts) rows += part.rows();
  return rows;
}

// Everything that determines a run's bits, in one canonical text.
std::string run_key(const TaskData& task, const experiment::RunRequest& request,
                    const train::Device& device, int threads) {
  spec::Trial trial;
  trial.train = request.options;
  json options = json::object();
  for (const spec::Variable& variable : spec::variables()) {
    if (!variable.is_inner()) options[std::string(variable.name)] = variable.get(trial);
  }
  const json key = {{"trainer", kTrainerVersion}, {"data", task.hash},
                    {"start", task.start_hash},   {"options", options},
                    {"seed", request.seed},       {"device", device.name()},
                    {"threads", threads}};
  return io::content_hash(key.dump());
}

}  // namespace

struct Laboratory::State {
  const spec::Spec& spec;
  fs::path store;
  int threads;
  std::uintmax_t store_bytes;
  train::Device device;
  data::Tokenizer tokenizer;

  std::mutex tasks_mutex;
  std::map<std::pair<std::string, int>, std::weak_ptr<const TaskData>> tasks;
  // Cells come task by task: the last tasks stay in memory between trials, the others do not.
  std::deque<std::shared_ptr<const TaskData>> recent;
  static constexpr std::size_t kRecent = 2;
  std::set<std::string> notes;

  // One lock per run, so that two callers of the same run train it once.
  struct Slot {
    std::mutex mutex;
    std::shared_ptr<Memo> memo = std::make_shared<Memo>();
  };
  std::mutex slots_mutex;
  std::map<std::string, std::shared_ptr<Slot>> slots;

  State(const spec::Spec& owner, fs::path folder, int threads_per_run, std::uintmax_t bytes)
      : spec(owner),
        store(std::move(folder)),
        threads(threads_per_run),
        store_bytes(bytes),
        device(train::resolve_device(owner.device)),
        tokenizer(data::Tokenizer::load(owner.model)) {}

  std::shared_ptr<const TaskData> task(const std::string& name, int max_length);
  std::shared_ptr<const TaskData> read_task(const spec::TaskEntry& entry, int max_length) const;
  std::unique_ptr<experiment::TrainedRun> open(const std::string& key, const Slot& slot,
                                               const std::shared_ptr<const TaskData>& task,
                                               const train::Options& options);
  void make_room(const std::string& keep) const;
};

std::shared_ptr<const TaskData> Laboratory::State::read_task(const spec::TaskEntry& entry,
                                                             int max_length) const {
  const data::Task& task = entry.task;
  const auto read = [&](const data::SplitFile& file) {
    return data::load_split(task, file, spec.glue_root, tokenizer, max_length,
                            spec.runs_root / ".tokens");
  };
  // A seeded stratified part of a split; the whole of it when `count` is 0 or not less.
  const auto cap = [&](data::EncodedSplit split, int count, std::string_view purpose) {
    if (count <= 0 || count >= split.rows()) return split;
    std::vector<int> rows = data::stratified_subset(split.labels, task.regression, all_rows(split),
                                                    count, random::derive(kSplitSeed, purpose));
    std::sort(rows.begin(), rows.end());
    return data::subset(split, rows);
  };
  auto result = std::make_shared<TaskData>();
  result->entry = &entry;
  data::EncodedSplit train = read(task.train);
  const int train_rows = train.rows();
  const std::int64_t train_cut = train.truncated_rows;
  std::int64_t dev_rows = 0, dev_cut = 0;
  std::vector<data::EncodedSplit> dev;
  for (const data::SplitFile& file : task.dev) {
    data::EncodedSplit part = read(file);
    dev_rows += part.rows();
    dev_cut += part.truncated_rows;
    dev.push_back(cap(std::move(part), spec.max_dev_rows, "dev rows"));
  }
  train = cap(std::move(train), spec.max_train_rows, "train rows");
  if (spec.holdout > 0.0) {
    const data::HeldOut parts = data::hold_out(train.labels, task.regression, spec.holdout,
                                               random::derive(kSplitSeed, "hold out"));
    result->selection.push_back(data::subset(train, parts.selection));
    result->report = std::move(dev);
    result->train = data::subset(train, parts.train);
  } else {
    result->selection = std::move(dev);
    result->train = std::move(train);
  }
  // The whole split in subset order: any prefix is stratified, so any spec's `rows` is one.
  result->fusion_rows =
      data::stratified_subset(result->train.labels, task.regression, all_rows(result->train),
                              result->train.rows(), random::derive(kSplitSeed, "fusion rows"));

  auto start = std::make_shared<model::Checkpoint>(model::load_checkpoint(spec.model, task.labels));
  result->start_hash = io::content_hash(bytes_of(start->weights));
  result->note = fmt::format(
      "{}: trains on {} of {} rows, selects on {} and reports on {} of {}; max_length {} cut {} "
      "training and {} dev rows of the files",
      task.name, result->train.rows(), train_rows,
      spec.holdout > 0.0 ? fmt::format("{} held out", rows_of(result->selection)) : "dev",
      rows_of(result->report.empty() ? result->selection : result->report), dev_rows, max_length,
      train_cut, dev_cut);
  if (!start->note.empty()) result->note += "; " + start->note;
  result->start = std::move(start);
  result->hash = hash_of(result->train);
  for (const auto* parts : {&result->selection, &result->report}) {
    for (const data::EncodedSplit& part : *parts) result->hash += hash_of(part);
  }
  return result;
}

std::shared_ptr<const TaskData> Laboratory::State::task(const std::string& name, int max_length) {
  const std::lock_guard lock(tasks_mutex);
  auto& known = tasks[{name, max_length}];
  if (auto task_data = known.lock()) return task_data;
  const auto entry = std::find_if(spec.tasks.begin(), spec.tasks.end(),
                                  [&](const spec::TaskEntry& e) { return e.task.name == name; });
  const auto task_data = read_task(*entry, max_length);
  notes.insert(task_data->note);
  known = task_data;
  recent.push_back(task_data);
  if (recent.size() > kRecent) recent.pop_front();
  return task_data;
}

// Drops the trajectories that were used longest ago until the rest fits.
void Laboratory::State::make_room(const std::string& keep) const {
  struct File {
    fs::file_time_type used;
    std::uintmax_t bytes;
    fs::path path;
  };
  std::vector<File> files;
  std::uintmax_t total = 0;
  std::error_code ignored;  // another process of the same run may drop a file first
  for (const auto& entry : fs::directory_iterator(store, ignored)) {
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
    if (total <= store_bytes) break;
    fs::remove(file.path, ignored);
    total -= file.bytes;
  }
}

// The stored run; null when it, or the trajectory of one that succeeded, is not there.
std::unique_ptr<experiment::TrainedRun> Laboratory::State::open(
    const std::string& key, const Slot& slot, const std::shared_ptr<const TaskData>& task_data,
    const train::Options& options) {
  const fs::path folder = store / key;
  if (!fs::exists(folder / "run.json")) return nullptr;
  experiment::RunRecord record = read_record(folder / "run.json");
  std::shared_ptr<const fusion::Trajectory> trajectory, ema;
  if (record.snapshots > 0) {
    if (!fs::exists(folder / "trajectory.bin")) return nullptr;
    trajectory = std::make_shared<fusion::Trajectory>(folder / "trajectory.bin");
    std::error_code ignored;  // the time of use only guides make_room
    fs::last_write_time(folder / "trajectory.bin", fs::file_time_type::clock::now(), ignored);
    if (options.ema_decay > 0.0) {
      if (!fs::exists(folder / "ema.bin")) return nullptr;
      ema = std::make_shared<fusion::Trajectory>(folder / "ema.bin");
    }
  }
  return std::make_unique<StoredRun>(task_data, std::move(record), std::move(trajectory),
                                     std::move(ema), slot.memo, device, options, threads);
}

Laboratory::Laboratory(const spec::Spec& spec, fs::path store, int threads,
                       std::uintmax_t store_bytes)
    : state_(std::make_unique<State>(spec, std::move(store), threads, store_bytes)) {}

Laboratory::~Laboratory() = default;

std::unique_ptr<experiment::TrainedRun> Laboratory::train(
    const experiment::RunRequest& request, const std::function<bool()>& should_stop) {
  train::set_threads(state_->threads);
  const auto task = state_->task(request.task, request.options.max_length);
  const std::string key = run_key(*task, request, state_->device, state_->threads);
  std::shared_ptr<State::Slot> slot;
  {
    const std::lock_guard lock(state_->slots_mutex);
    auto& known = state_->slots[key];
    if (known == nullptr) known = std::make_shared<State::Slot>();
    slot = known;
  }
  const std::lock_guard lock(slot->mutex);
  if (auto run = state_->open(key, *slot, task, request.options)) return run;

  const fs::path folder = state_->store / key;
  const train::Result result = train::finetune({.config = task->start->config,
                                                .classes = task->entry->task.classes(),
                                                .weights = task->start->weights,
                                                .fresh_head = task->start->fresh_head,
                                                .data = &task->train,
                                                .options = request.options,
                                                .seed = request.seed,
                                                .device = state_->device,
                                                .checkpoint = folder,
                                                .should_stop = should_stop,
                                                .on_step = {}});
  if (result.status == train::Status::interrupted) return nullptr;
  if (result.status == train::Status::out_of_memory) {
    // Of this moment, not of the run: it is not stored, so that it can be tried again.
    return std::make_unique<StoredRun>(task, record_of(result), nullptr, nullptr, slot->memo,
                                       state_->device, request.options, state_->threads);
  }
  if (!result.snapshots.empty()) {
    fusion::save_trajectory(folder / "trajectory.bin", result.snapshots);
    if (!result.ema.empty()) fusion::save_trajectory(folder / "ema.bin", {&result.ema, 1});
  }
  write_record(folder / "run.json", record_of(result));  // last: what it names is there
  state_->make_room(key);
  return state_->open(key, *slot, task, request.options);
}

std::vector<std::string> Laboratory::notes() const {
  const std::lock_guard lock(state_->tasks_mutex);
  return {state_->notes.begin(), state_->notes.end()};
}

}  // namespace runner::lab
