#include "lab/start_weights.hpp"

#include <fmt/format.h>

#include <utility>

#include "io/error.hpp"
#include "io/file.hpp"

namespace runner::lab {
namespace {

std::string hash_of(const model::Checkpoint& checkpoint) {
  const std::vector<float>& weights = checkpoint.weights;
  return io::content_hash(
      {reinterpret_cast<const char*>(weights.data()), weights.size() * sizeof(float)});
}

}  // namespace

StartWeights::StartWeights(std::filesystem::path model, std::vector<std::string> labels)
    : model_(std::move(model)), labels_(std::move(labels)) {
  first_ = std::make_shared<model::Checkpoint>(model::load_checkpoint(model_, labels_));
  config_ = first_->config;
  hash_ = hash_of(*first_);
  notes_ = first_->notes;
}

std::shared_ptr<const model::Checkpoint> StartWeights::read() const {
  const std::lock_guard lock(mutex_);
  if (auto held = held_.lock()) return held;
  std::shared_ptr<const model::Checkpoint> checkpoint = std::move(first_);
  if (checkpoint == nullptr) {
    checkpoint = std::make_shared<model::Checkpoint>(model::load_checkpoint(model_, labels_));
    if (hash_of(*checkpoint) != hash_) {
      throw InputError(
          fmt::format("{}: the weights have changed while the experiment ran", model_.string()));
    }
  }
  held_ = checkpoint;
  return checkpoint;
}

}  // namespace runner::lab
