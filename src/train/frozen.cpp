#include "train/frozen.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>

#include "data/batches.hpp"
#include "model/ops_batch.hpp"
#include "train/job.hpp"

namespace runner::train {

namespace {

constexpr std::int64_t kMostBytes = std::int64_t{2} << 30;

// The last layer puts out each row's first token alone, the others every token.
std::int64_t places_of(const Job& job, int row) {
  return job.options.frozen_layers == job.config.layers ? 1 : job.data->length(row);
}

at::Tensor upload(std::span<const std::int64_t> values, at::Device device) {
  model::Upload upload;
  const std::size_t number = upload.add(values);
  upload.send(device);
  return upload.at(number);
}

}  // namespace

bool keeps_frozen_output(const Job& job) {
  const model::TrainPass pass = train_pass(job);
  const bool dropped = pass.frozen_dropout && (pass.dropout > 0.0 || pass.attention_dropout > 0.0);
  if (pass.frozen_layers == 0 || dropped) return false;
  const int rows = job.data->rows();
  if (total_steps(job.options, rows) * job.options.batch_size < rows) return false;
  std::int64_t places = 0;
  for (int row = 0; row < rows; ++row) places += places_of(job, row);
  return places * job.config.hidden_size * std::int64_t{sizeof(float)} <= kMostBytes;
}

std::shared_ptr<const FrozenOutput> FrozenOutput::compute(const Job& job, model::Network& network) {
  const c10::InferenceMode guard;
  auto output = std::make_shared<FrozenOutput>();
  output->offsets_.push_back(0);
  for (int row = 0; row < job.data->rows(); ++row)
    output->offsets_.push_back(output->offsets_.back() + places_of(job, row));
  output->all_ = at::empty({output->offsets_.back(), job.config.hidden_size},
                           at::TensorOptions(network.device()).dtype(at::kFloat));
  network.take_flops();
  for (const std::vector<int>& rows :
       data::batches_by_length(job.data->lengths(), network.tokens_at_once())) {
    if (job.should_stop && job.should_stop()) return nullptr;
    model::PackedBatch batch;
    for (const int row : rows)
      batch.add_row(job.config, job.data->row_ids(row), job.data->row_types(row));
    output->all_.index_copy_(0, output->places(rows),
                             network.frozen_output(batch, job.options.frozen_layers));
  }
  output->flops_ = network.take_flops();
  return output;
}

at::Tensor FrozenOutput::places(std::span<const int> rows) const {
  std::vector<std::int64_t> places;
  for (const int row : rows)
    for (std::int64_t place = offsets_[static_cast<std::size_t>(row)];
         place < offsets_[static_cast<std::size_t>(row) + 1]; ++place)
      places.push_back(place);
  return upload(places, all_.device());
}

at::Tensor FrozenOutput::of(std::span<const int> rows) const {
  const c10::InferenceMode guard;
  return all_.index_select(0, places(rows));
}

std::shared_ptr<const FrozenOutput> FrozenOutputs::get(const Job& job, model::Network& network) {
  const std::lock_guard lock(mutex_);
  const std::tuple key(job.device.cuda, job.options.frozen_layers, job.options.precision);
  if (const auto found = known_.find(key); found != known_.end()) return found->second;
  const std::shared_ptr<const FrozenOutput> output = FrozenOutput::compute(job, network);
  if (output == nullptr) return nullptr;
  wait_for(job.device);  // the other runs have streams of their own
  std::int64_t bytes = output->bytes();
  for (const auto& [other, kept] : known_) bytes += kept->bytes();
  if (bytes > kMostBytes) known_.clear();
  known_.emplace(key, output);
  return output;
}

std::shared_ptr<FrozenOutputs> make_frozen_outputs() { return std::make_shared<FrozenOutputs>(); }

}  // namespace runner::train
