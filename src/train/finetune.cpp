#include "train/finetune.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/stack.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <new>

#include "data/batches.hpp"
#include "io/error.hpp"
#include "model/network.hpp"
#include "random/philox.hpp"
#include "train/frozen.hpp"
#include "train/gradient_pass.hpp"
#include "train/host_copy.hpp"
#include "train/job.hpp"
#include "train/optimizer.hpp"
#include "train/progress.hpp"
#include "train/schedule.hpp"
#include "train/snapshots.hpp"

namespace runner::train {

using at::Tensor;

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// One job under way.
class Run {
 public:
  explicit Run(const Job& job)
      : job_(job),
        options_(job.options),
        network_(job.config, job.classes, network_options(job)),
        weights_(start_weights()),
        optimizer_(network_, weights_, options_),
        gradient_pass_(job, network_),
        lengths_(job.data->lengths()),
        snapshots_(job.checkpoint,
                   snapshot_steps(job.options, total_steps(job.options, job.data->rows()))) {
    const int rows = job.data->rows();
    result_.total_steps = total_steps(options_, rows);
    result_.snapshot_steps = snapshots_.steps();
    per_epoch_ = (rows + options_.batch_size - 1) / options_.batch_size;
    if (!job.checkpoint.empty()) {
      fingerprint_ = job_fingerprint(job) + (gradient_pass_.graphs() > 0 ? " graphs" : "");
      if (!restore()) remove_progress(job.checkpoint);
    }
    network_.refresh_products();
    if (job.on_loaded) job.on_loaded();
  }

  Result go() {
    if (step_ < result_.total_steps && keeps_frozen_output(job_)) {
      frozen_ = job_.frozen != nullptr ? job_.frozen->get(job_, network_)
                                       : FrozenOutput::compute(job_, network_);
      if (frozen_ == nullptr) return stopped(Status::interrupted);
      if (step_ == 0) flops_ = frozen_->flops();
    }
    while (step_ < result_.total_steps) {
      if (const Status status = look(); status != Status::ok)
        return status == Status::diverged ? finish() : stopped(status);
      if (!take_step()) return finish();
      report();
      if (step_ == result_.total_steps) break;
      const bool stop = job_.should_stop && job_.should_stop();
      if (!stop && (job_.checkpoint.empty() || seconds_since(last_save_) < job_.save_every_seconds))
        continue;
      if (!settle(pending_)) return finish();
      report();
      save();
      if (stop) return stopped(Status::interrupted);
    }
    if (!settle(pending_)) return finish();
    report();
    judge(job_, per_epoch_, result_);
    save();
    return finish();
  }

 private:
  Tensor start_weights() {
    const c10::InferenceMode guard;
    room_ = first_weights(job_, network_.layout());
    Tensor weights = at::from_blob(room_.data(), {network_.layout().size}, at::kFloat);
    if (!job_.device.is_cpu()) {
      weights = weights.to(network_options(job_).device);
      room_ = {};
    }
    network_.set_weights(weights);
    return weights;
  }

  const std::vector<int>& batch_of(std::int64_t step) {
    const auto epoch = static_cast<int>((step - 1) / per_epoch_);
    if (epoch != epoch_) {
      epoch_ = epoch;
      batches_ = data::training_batches(lengths_, options_.batch_size, job_.seed, epoch,
                                        options_.group_by_length);
    }
    return batches_[static_cast<std::size_t>((step - 1) % per_epoch_)];
  }

  // A step whose loss and norm may still be on their way from the device.
  struct Pending {
    StepRecord record;
    std::int64_t examples, tokens;  // the run's, this step included
    double flops;
    HostCopy values;  // [2] fp64: loss, norm
  };

  // False when the run has diverged: the weights are then as they were before the step that did.
  // Of a GPU's steps that is seen one later, for the device is at work on the last one meanwhile;
  // the optimiser leaves the weights alone by itself.
  bool take_step() {
    const std::int64_t step = step_ + 1;
    const std::vector<int>& rows = batch_of(step);
    std::vector<std::int32_t> words;
    if (network_.has_kernels()) words = words_of(job_, rows);
    optimizer_.catch_up(words);
    network_.begin_step(std::move(words));

    const StepRecord record{.step = step,
                            .learning_rate = learning_rate(options_, step, result_.total_steps)};
    const c10::InferenceMode guard;
    const Tensor loss = add_gradients(rows, step);
    const Tensor norm = optimizer_.gradient_norm();
    optimizer_.step(record.learning_rate, loss, norm);
    flops_ += gradient_pass_.take_flops();
    std::unique_ptr<Pending> last = std::move(pending_);
    pending_.reset(
        new Pending{record, examples_, tokens_, flops_, HostCopy(at::stack({loss, norm}))});
    if (!settle(network_.has_kernels() ? pending_ : last)) return false;
    step_ = step;
    if (options_.ema_decay > 0.0) update_average();
    if (snapshots_.due(step)) take_snapshot();
    return true;
  }

  Result stopped(Status status) {
    result_.status = status;
    result_.why = fmt::format("stopped after step {} of {}", step_, result_.total_steps);
    return finish();
  }

  // Looks at the run while it stands on a rung; what becomes of it there.
  Status look() {
    while (stands_on_rung(job_, step_, result_)) {
      if (!settle(pending_)) return Status::diverged;
      report();
      const Status status = look_at(job_, step_, flat_weights(), training_seconds(), result_);
      if (status == Status::interrupted) save();
      if (status != Status::ok) return status;
    }
    return Status::ok;
  }

  std::vector<float> flat_weights() {
    const c10::InferenceMode guard;
    optimizer_.catch_up();
    return weights_.is_cpu() ? room_ : copy_later(weights_).get();
  }

  double training_seconds() const {
    return earlier_seconds_ + seconds_since(start_) - looking_seconds(result_);
  }

  // Takes a step's values into the result, once they are there; false when they are not finite.
  bool settle(std::unique_ptr<Pending>& pending) {
    if (pending == nullptr) return true;
    const std::unique_ptr<Pending> done = std::move(pending);
    const auto* values = static_cast<const double*>(done->values.wait().const_data_ptr());
    StepRecord record = done->record;
    record.loss = values[0];
    record.grad_norm = values[1];
    result_.curve.push_back(record);
    result_.examples = done->examples;
    result_.tokens = done->tokens;
    result_.flops = done->flops;
    if (std::isfinite(record.loss) && std::isfinite(record.grad_norm)) return true;
    result_.status = Status::diverged;
    result_.why = fmt::format("step {}: the {} is {}", record.step,
                              std::isfinite(record.loss) ? "gradient's norm" : "loss",
                              std::isfinite(record.loss) ? record.grad_norm : record.loss);
    return false;
  }

  void report() {
    for (; reported_ < result_.curve.size(); ++reported_)
      if (job_.on_step) job_.on_step(result_.curve[reported_]);
  }

  // Forward and backward over the micro-batches; the step's mean loss.
  Tensor add_gradients(const std::vector<int>& rows, std::int64_t step) {
    const auto parts =
        static_cast<std::size_t>(std::min(options_.accumulation, static_cast<int>(rows.size())));
    Tensor loss;
    for (std::size_t part = 0; part < parts; ++part) {
      const std::size_t begin = rows.size() * part / parts, end = rows.size() * (part + 1) / parts;
      const auto those = std::span(rows).subspan(begin, end - begin);
      model::PackedBatch batch = packed(job_, those);
      const std::uint64_t dropout_key = random::derive(
          job_.seed, "dropout",
          static_cast<std::uint64_t>(step) * static_cast<std::uint64_t>(options_.accumulation) +
              part);
      const Tensor frozen = frozen_ ? frozen_->of(those) : Tensor{};
      examples_ += batch.rows();
      tokens_ += batch.tokens();
      const Tensor part_loss =
          gradient_pass_.add(std::move(batch), dropout_key, rows.size(), part == 0, frozen);
      loss = loss.defined() ? loss + part_loss : part_loss;
    }
    return loss;
  }

  // A CPU's last weights are given away: nothing reads them afterwards.
  void take_snapshot() {
    optimizer_.catch_up();
    if (!weights_.is_cpu()) {
      snapshots_.collect();  // one at a time: each is held twice until it has arrived
      snapshots_.await(copy_later(weights_));
    } else if (!snapshots_.write(room_)) {
      snapshots_.hold(step_ == result_.total_steps ? std::move(room_) : room_);
    }
  }

  // average += (1 - decay) (weights - average); the first step's weights begin it.
  void update_average() {
    const c10::InferenceMode guard;
    optimizer_.catch_up();
    if (!average_.defined()) {
      average_ = weights_.clone();
      return;
    }
    average_.lerp_(weights_, 1.0 - options_.ema_decay);
  }

  Tensor trained(const Tensor& flat) const {
    return flat.narrow(0, optimizer_.begin(), flat.numel() - optimizer_.begin());
  }

  // What is on disk from the last time stays when the disk has no room for this one.
  void save() try {
    const c10::InferenceMode guard;
    last_save_ = Clock::now();
    if (job_.checkpoint.empty() || step_ == saved_step_) return;
    optimizer_.catch_up();
    snapshots_.collect();
    const bool last = step_ == result_.total_steps;
    const auto values = [&](const Tensor& flat) {
      std::vector<float> copy;
      if (!flat.defined() || (last && !flat.is_same(average_))) return copy;
      copy.resize(static_cast<std::size_t>(flat.numel() - optimizer_.begin()));
      at::from_blob(copy.data(), {static_cast<std::int64_t>(copy.size())}, at::kFloat)
          .copy_(trained(flat));
      return copy;
    };
    snapshots_.save();
    save_progress(job_.checkpoint, {.job = fingerprint_,
                                    .step = step_,
                                    .examples = result_.examples,
                                    .tokens = result_.tokens,
                                    .flops = result_.flops,
                                    .seconds = earlier_seconds_ + seconds_since(start_),
                                    .curve = result_.curve,
                                    .rungs = result_.rungs,
                                    .weights = values(weights_),
                                    .m = values(optimizer_.first_moment()),
                                    .v = values(optimizer_.second_moment()),
                                    .ema = values(average_)});
    saved_step_ = step_;
  } catch (const InputError& error) {
    if (job_.on_unsaved) job_.on_unsaved(error.what());
  }

  // What the folder holds of this job; false when there is nothing to go on from.
  bool restore() {
    const c10::InferenceMode guard;
    auto progress = load_progress(job_.checkpoint, fingerprint_);
    const auto trained_size = static_cast<std::size_t>(weights_.numel() - optimizer_.begin());
    const auto expected = progress && progress->step == result_.total_steps ? 0 : trained_size;
    if (!progress || progress->weights.size() != expected || progress->m.size() != expected ||
        progress->v.size() != expected)
      return false;
    if (!snapshots_.restore(progress->step, weights_.numel())) return false;
    const auto take = [&](std::vector<float>& values, const Tensor& flat) {
      trained(flat).copy_(
          at::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, at::kFloat));
    };
    if (expected > 0) {
      take(progress->weights, weights_);
      take(progress->m, optimizer_.first_moment());
      take(progress->v, optimizer_.second_moment());
      optimizer_.resume(progress->step);
    }
    if (!progress->ema.empty()) {
      average_ = weights_.clone();
      take(progress->ema, average_);
    }
    step_ = saved_step_ = progress->step;
    result_.curve = std::move(progress->curve);
    result_.rungs = std::move(progress->rungs);
    reported_ = result_.curve.size();
    result_.examples = examples_ = progress->examples;
    result_.tokens = tokens_ = progress->tokens;
    result_.flops = flops_ = progress->flops;
    earlier_seconds_ = progress->seconds;
    return true;
  }

  Result finish() {
    const bool complete = result_.status == Status::ok || result_.status == Status::collapsed;
    if (complete && average_.defined()) {
      result_.ema.resize(static_cast<std::size_t>(average_.numel()));
      at::from_blob(result_.ema.data(), {average_.numel()}, at::kFloat).copy_(average_);
    }
    if (complete) {
      snapshots_.collect();
      result_.snapshots = snapshots_.release();
    }
    result_.graphs = gradient_pass_.graphs();
    result_.no_graphs = gradient_pass_.no_graphs();
    result_.seconds = training_seconds();
    return std::move(result_);
  }

  const Job& job_;
  const Options& options_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point last_save_ = start_;
  double earlier_seconds_ = 0.0;
  model::Network network_;
  std::vector<float> room_;  // the weights, where the CPU trains them
  Tensor weights_;
  Optimizer optimizer_;
  Tensor average_;
  GradientPass gradient_pass_;
  std::shared_ptr<const FrozenOutput> frozen_;
  std::vector<int> lengths_;
  Snapshots snapshots_;
  std::int64_t per_epoch_ = 0;
  int epoch_ = -1;
  std::vector<std::vector<int>> batches_;
  std::int64_t step_ = 0;  // taken, on a GPU: begun
  std::int64_t examples_ = 0, tokens_ = 0;
  double flops_ = 0.0;
  std::unique_ptr<Pending> pending_;  // the last step, until it is settled
  std::size_t reported_ = 0;          // steps of the curve that on_step has heard of
  std::string fingerprint_;
  std::int64_t saved_step_ = -1;
  Result result_;
};

}  // namespace

Result finetune(const Job& job) {
  check_job(job);
  use_own_stream(job.device);  // graphs are not recorded on the default one
  try {
    return Run(job).go();
  } catch (const c10::OutOfMemoryError& error) {
    return out_of_memory(error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    return out_of_memory("the machine's memory is exhausted");
  } catch (const c10::Error& error) {
    // The CPU's allocator and that of pinned memory have no error type of their own.
    const std::string_view what = error.what_without_backtrace();
    const auto says = [&](const char* words) { return what.find(words) != what.npos; };
    if (!says("not enough memory") && !says("can't allocate") && !says("out of memory")) throw;
    return out_of_memory(error.what_without_backtrace());
  }
}

}  // namespace runner::train
