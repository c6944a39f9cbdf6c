#include "lab/laboratory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <tuple>

#include "data/tokenizer.hpp"
#include "experiment/pruning.hpp"
#include "experiment/store.hpp"
#include "fusion/trajectory.hpp"
#include "io/error.hpp"
#include "io/file.hpp"
#include "io/json.hpp"
#include "lab/claims.hpp"
#include "lab/look.hpp"
#include "lab/run_key.hpp"
#include "lab/stored_run.hpp"
#include "lab/task_data.hpp"
#include "model/layout.hpp"
#include "train/device_pool.hpp"
#include "train/finetune.hpp"
#include "train/snapshots.hpp"

namespace runner::lab {
namespace fs = std::filesystem;
using json = io::Json;

namespace {

experiment::RunRecord record_of(const train::Result& result) {
  return {.status = result.status,
          .why = result.why,
          .steps = result.total_steps,
          .examples = result.examples,
          .tokens = result.tokens,
          .flops = result.flops,
          .train_loss = result.train_loss,
          .seconds = result.seconds,
          .snapshots = static_cast<int>(result.snapshots.size()),
          .curve = result.curve,
          .rungs = result.rungs};
}

class StoringLaboratory : public Laboratory {
 public:
  using Tell = std::function<void(const std::string&)>;

  StoringLaboratory(const spec::Spec& spec, fs::path store, int threads, const Tell& tell)
      : spec_(spec),
        tell_(tell ? tell : [](const std::string&) {}),
        claims_(store.parent_path(), tell_),
        store_(std::move(store), spec.store_limit, tell),
        threads_(threads),
        devices_(train::resolve_devices(spec.device)),
        tokenizer_(data::Tokenizer::load(spec.model)) {
    for (const train::Device& device : devices_.all()) {
      train::prepare_device(device, spec.deterministic);
    }
  }

  std::unique_ptr<experiment::TrainedRun> train(const experiment::RunRequest& request,
                                                const experiment::Watch& watch) override;
  std::unique_ptr<experiment::TrainedRun> gather(
      const experiment::RunRequest& as, std::span<const experiment::Ingredient> ingredients,
      const experiment::Watch& watch) override;
  FusedModel fused_model(const experiment::RunRequest& request, std::span<const double> alpha,
                         const std::function<bool()>& should_stop) override;
  FusedModel souped_model(const experiment::RunRequest& as,
                          std::span<const experiment::Ingredient> ingredients,
                          std::span<const double> alpha,
                          const std::function<bool()>& should_stop) override;
  std::vector<std::string> notes() const override {
    const std::lock_guard lock(tasks_mutex_);
    return {notes_.begin(), notes_.end()};
  }
  std::vector<std::string> try_inputs(const spec::TaskEntry& task) const override {
    const auto start = std::make_shared<StartWeights>(spec_.model, task.task.labels);
    read_task(spec_, task, tokenizer_, task.recipe.train.max_length, spec_.seeds.front(), start);
    return start->notes();
  }
  std::vector<std::string> keys(const std::vector<experiment::RunRequest>& requests) const override;
  int trained_again() const override { return trained_again_; }
  void mend_claims() override;

 private:
  std::shared_ptr<const TaskData> task(const experiment::RunRequest& request);
  std::shared_ptr<Memo> memo(const std::string& key);
  train::Result finetune(const experiment::RunRequest& request, const TaskData& data,
                         const fs::path& work, const experiment::Watch& watch) const;
  void make_room(const TaskData& data, int snapshots, bool average) const;
  experiment::Store::Run keep(const std::string& key, train::Result result) const;
  void keep_stopped(const std::string& key, const experiment::RunRecord& record) const;

  const spec::Spec& spec_;
  Tell tell_;
  Claims claims_;
  experiment::Store store_;
  int threads_;
  train::DevicePool devices_;
  data::Tokenizer tokenizer_;
  std::atomic<int> trained_again_ = 0;

  mutable std::mutex tasks_mutex_;
  // By name, max_length and the split's seed.
  std::map<std::tuple<std::string, int, std::uint64_t>, std::weak_ptr<const TaskData>> tasks_;
  std::map<std::vector<std::string>, std::shared_ptr<const StartWeights>> starts_;  // by labels
  // Cells of a seed come task by task: the last tasks stay in memory between trials, the others do
  // not.
  std::deque<std::shared_ptr<const TaskData>> recent_;
  static constexpr std::size_t kRecent = 2;
  std::set<std::string> notes_;

  std::mutex memos_mutex_;
  std::map<std::string, std::shared_ptr<Memo>> memos_;
  // As they were used: a run is asked for by the methods of its task and seed, soon one after
  // another, and what is not known any more is measured again.
  std::deque<std::string> memo_order_;
  static constexpr std::size_t kMemos = 256;
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
  claims_.claim(request.task, max_length, {task_data->files_hash, start->hash()});
  notes_.insert(task_data->note);
  known = task_data;
  recent_.push_back(task_data);
  if (recent_.size() > kRecent) recent_.pop_front();
  return task_data;
}

std::shared_ptr<Memo> StoringLaboratory::memo(const std::string& key) {
  const std::lock_guard lock(memos_mutex_);
  std::erase(memo_order_, key);
  memo_order_.push_back(key);
  if (memo_order_.size() > kMemos) {
    memos_.erase(memo_order_.front());
    memo_order_.pop_front();
  }
  auto& known = memos_[key];
  if (known == nullptr) known = std::make_shared<Memo>();
  return known;
}

void StoringLaboratory::mend_claims() {
  for (const auto& damaged : claims_.damaged()) {
    experiment::RunRequest request{.task = damaged.task, .split_seed = spec_.seeds.front()};
    request.options.max_length = damaged.max_length;
    const bool known = std::ranges::any_of(
        spec_.tasks, [&](const spec::TaskEntry& task) { return task.task.name == request.task; });
    if (known) task(request);  // which claims its inputs
  }
}

std::vector<std::string> StoringLaboratory::keys(
    const std::vector<experiment::RunRequest>& requests) const {
  std::map<std::pair<std::string, int>, std::optional<Inputs>> claims;
  std::vector<std::string> keys;
  for (const experiment::RunRequest& request : requests) {
    const int max_length = request.options.max_length;
    const auto [claim, is_new] = claims.try_emplace({request.task, max_length});
    if (is_new) claim->second = claims_.read(request.task, max_length);
    if (claim->second) {
      keys.push_back(run_key(*claim->second, request, spec_, devices_.all().front()));
    }
  }
  return keys;
}

// Trains, or throws: Stopped, or why the machine could not.
train::Result StoringLaboratory::finetune(const experiment::RunRequest& request,
                                          const TaskData& data, const fs::path& work,
                                          const experiment::Watch& watch) const {
  const train::Device& device = devices_.mine();
  std::shared_ptr<const model::Checkpoint> start = data.start->read();
  const std::int64_t steps = train::total_steps(request.options, data.train.rows());
  train::Result result = train::finetune(
      {.config = start->config,
       .classes = data.entry->task.classes(),
       .weights = start->weights,
       .fresh_head = start->fresh_head,
       .fresh_pooler = start->fresh_pooler,
       .data = &data.train,
       .options = request.options,
       .seed = request.seed,
       .device = device,
       .frozen = data.frozen,
       .checkpoint = work,
       .on_unsaved =
           [this](const std::string& why) { tell_(why + "; the training goes on unsaved"); },
       .on_loaded = [&start] { start.reset(); },
       .should_stop = watch.should_stop,
       .rungs = rungs_of(request, data),
       .look =
           [&](std::span<const float> weights) {
             return look(data, request.options, device, weights, watch.should_stop);
           },
       .on_step =
           [&](const train::StepRecord& record) {
             if (watch.on_step) watch.on_step(record, steps);
           }});
  if (result.status == train::Status::interrupted) throw experiment::Stopped();
  if (result.status == train::Status::out_of_memory) {
    throw std::runtime_error("out of memory: " + result.why);
  }
  return result;
}

void StoringLaboratory::make_room(const TaskData& data, int snapshots, bool average) const {
  const model::Layout layout = model::make_layout(data.start->config(), data.entry->task.classes());
  const auto weights = sizeof(float) * static_cast<std::uintmax_t>(layout.size);
  const std::uintmax_t averages = average ? 1 : 0;
  store_.make_room((static_cast<std::uintmax_t>(snapshots) + averages) * weights,
                   (3 + averages) * weights,  // the weights and two moments
                   [this] { return wanted ? keys(wanted()) : std::vector<std::string>(); });
}

// In the store; in memory alone when the disk refuses it, so that what was trained is not lost.
experiment::Store::Run StoringLaboratory::keep(const std::string& key, train::Result result) const {
  const experiment::RunRecord record = record_of(result);
  std::vector<std::string> snapshots;
  for (std::size_t k = 0; k < result.snapshots.size(); ++k) {
    snapshots.push_back(train::snapshot_name(result.snapshot_steps[k]));
  }
  const std::string average = result.ema.empty() ? "" : "average";
  try {
    if (!average.empty()) {
      fusion::save_trajectory(store_.work_folder(key) / average, {&result.ema, 1});
    }
    return store_.keep(key, record, snapshots, average);
  } catch (const InputError& error) {
    tell_(fmt::format("{}; the training run stays in memory while it is used", error.what()));
    train::load_snapshots(store_.work_folder(key), result);
  }
  const auto held = [](std::vector<std::vector<float>> weights) {
    return weights.empty() ? nullptr
                           : std::make_shared<const fusion::Trajectory>(std::move(weights));
  };
  std::vector<std::vector<float>> ema;
  if (!result.ema.empty()) ema.push_back(std::move(result.ema));
  return {record, held(std::move(result.snapshots)), held(std::move(ema))};
}

// What the disk refuses is trained again when it is asked for again.
void StoringLaboratory::keep_stopped(const std::string& key,
                                     const experiment::RunRecord& record) const try {
  store_.keep(key, record, {}, "");
} catch (const InputError& error) {
  tell_(error.what());
}

std::unique_ptr<experiment::TrainedRun> StoringLaboratory::train(
    const experiment::RunRequest& request, const experiment::Watch& watch) {
  train::set_threads(threads_);
  const train::Device& device = devices_.mine();
  train::use_own_stream(device);
  const std::shared_ptr<const TaskData> data = task(request);
  const std::string key = run_key({data->files_hash, data->start->hash()}, request, spec_, device);
  const auto stored = [&](const std::string& name, experiment::Store::Run run) {
    return std::make_unique<StoredRun>(name, data, std::move(run.record), std::move(run.trajectory),
                                       std::move(run.average), memo(name), device, request.options,
                                       threads_, watch.should_stop);
  };
  // The run as this request has it: stopped where it stops, wherever another went on from there.
  const auto as_asked = [&](experiment::Store::Run run) {
    auto stopped = experiment::pruned(run.record, request.rungs);
    if (!stopped) return stored(key, std::move(run));
    const std::string name = stopped_key(key, stopped->steps);
    return stored(name, {*std::move(stopped), nullptr, nullptr});
  };
  const auto open = [&]() -> std::unique_ptr<experiment::TrainedRun> {
    if (auto run = store_.open(key)) return as_asked(*std::move(run));
    for (const train::Rung& rung : rungs_of(request, *data)) {
      auto run = store_.open(stopped_key(key, rung.step));
      if (run && experiment::pruned(run->record, request.rungs)) return as_asked(*std::move(run));
    }
    return nullptr;
  };
  if (auto run = open()) return run;
  std::string holder;
  std::optional<experiment::Lease> lease = store_.lease(key, holder);
  if (!lease) throw experiment::Busy{holder};
  if (auto run = open()) return run;  // it has appeared meanwhile

  make_room(*data, request.options.snapshots, request.options.ema_decay > 0.0);
  if (store_.was_dropped(key)) ++trained_again_;
  const auto stop = [&] {
    lease->beat();
    return watch.should_stop && watch.should_stop();
  };
  train::Result result = finetune(request, *data, store_.work_folder(key), {stop, watch.on_step});
  if (result.status != train::Status::pruned) return as_asked(keep(key, std::move(result)));
  auto run = as_asked({record_of(result), nullptr, nullptr});
  keep_stopped(run->key(), run->record());
  lease.reset();
  store_.remove_work(key);
  return run;
}

// What is mixed is kept as the snapshots of a run that nobody trained.
std::unique_ptr<experiment::TrainedRun> StoringLaboratory::gather(
    const experiment::RunRequest& as, std::span<const experiment::Ingredient> ingredients,
    const experiment::Watch& watch) {
  train::set_threads(threads_);
  const train::Device& device = devices_.mine();
  train::use_own_stream(device);
  const std::shared_ptr<const TaskData> data = task(as);
  const auto key_of = [&](const experiment::RunRequest& request) {
    const std::shared_ptr<const TaskData> its = task(request);
    return run_key({its->files_hash, its->start->hash()}, request, spec_, device);
  };
  json mixed = json::array();
  for (const experiment::Ingredient& ingredient : ingredients) {
    mixed.push_back({key_of(ingredient.request), ingredient.alpha});
  }
  const std::string key = io::content_hash(json{{"as", key_of(as)}, {"soup", mixed}}.dump());
  const auto stored = [&](experiment::Store::Run run) {
    return std::make_unique<StoredRun>(key, halved(*data, as.split_seed), std::move(run.record),
                                       std::move(run.trajectory), nullptr, memo(key), device,
                                       as.options, threads_, watch.should_stop);
  };
  if (auto run = store_.open(key)) return stored(*std::move(run));
  std::string holder;
  std::optional<experiment::Lease> lease = store_.lease(key, holder);
  if (!lease) throw experiment::Busy{holder};
  if (auto run = store_.open(key)) return stored(*std::move(run));

  const experiment::Watch its{.should_stop =
                                  [&] {
                                    lease->beat();
                                    return watch.should_stop && watch.should_stop();
                                  },
                              .on_step = watch.on_step};
  experiment::RunRecord record;
  record.train_loss = experiment::kUnknown;
  record.snapshots = static_cast<int>(ingredients.size());
  make_room(*data, record.snapshots, false);
  std::vector<std::string> models;
  for (const experiment::Ingredient& ingredient : ingredients) {
    const auto run = train(ingredient.request, its);
    const std::vector<float> weights =
        static_cast<const StoredRun&>(*run).fused_model(ingredient.alpha).weights;
    models.push_back(fmt::format("model{}", models.size()));
    fusion::save_trajectory(store_.work_folder(key) / models.back(), {&weights, 1});
    if (its.should_stop()) throw experiment::Stopped();
  }
  return stored(store_.keep(key, record, models, ""));
}

FusedModel StoringLaboratory::souped_model(const experiment::RunRequest& as,
                                           std::span<const experiment::Ingredient> ingredients,
                                           std::span<const double> alpha,
                                           const std::function<bool()>& should_stop) {
  return static_cast<const StoredRun&>(*gather(as, ingredients, {should_stop, {}}))
      .fused_model(alpha);
}

FusedModel StoringLaboratory::fused_model(const experiment::RunRequest& request,
                                          std::span<const double> alpha,
                                          const std::function<bool()>& should_stop) {
  const std::vector<std::string> key = keys({request});
  if (key.empty() || !store_.open(key.front())) {
    tell_(fmt::format("{}: the training run is not in the store any more; it is trained again",
                      request.task));
  }
  // All that train() gives are these.
  return static_cast<const StoredRun&>(*train(request, {should_stop, {}})).fused_model(alpha);
}

}  // namespace

std::unique_ptr<Laboratory> make_laboratory(const spec::Spec& spec, fs::path store, int threads,
                                            std::function<void(const std::string&)> tell) {
  return std::make_unique<StoringLaboratory>(spec, std::move(store), threads, tell);
}

}  // namespace runner::lab
