#include "model/ops_dropout.hpp"

#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/native_dropout.h>
#include <ATen/ops/native_dropout_backward.h>
#include <ATen/ops/ones.h>

#include "random/philox.hpp"

namespace runner::model {

using at::Tensor;

namespace {

std::mutex drawing;
thread_local bool lent = false;

void exchange_state(at::Generator& generator, const at::Generator& state) {
  const std::lock_guard guard(generator.mutex());
  generator.graphsafe_set_state(state);
}

}  // namespace

LentGenerator::LentGenerator(const at::Generator& own, at::Device device)
    : lock_(drawing),
      shared_(at::globalContext().defaultGenerator(device)),
      before_(shared_.graphsafe_get_state()) {
  exchange_state(shared_, own);
  lent = true;
}

LentGenerator::~LentGenerator() {
  lent = false;
  exchange_state(shared_, before_);
}

SeededGenerator::SeededGenerator(const kernels::Dropout& dropout, at::Device device) {
  if (device.is_cpu() || dropout.threshold == 0 || lent) return;
  lock_ = std::unique_lock(drawing);
  at::Generator generator = at::globalContext().defaultGenerator(device);
  const std::lock_guard guard(generator.mutex());
  generator.set_current_seed(random::derive(dropout.key, "site", dropout.site));
}

double probability(const kernels::Dropout& dropout) {
  return static_cast<double>(dropout.threshold) / 65536.0;
}

Tensor dropout_mask(const kernels::Dropout& dropout, at::IntArrayRef shape, at::Device device) {
  if (!device.is_cpu()) {
    const SeededGenerator seeded(dropout, device);
    const Tensor ones = at::ones(shape, at::TensorOptions(device).dtype(at::kFloat));
    return std::get<1>(at::native_dropout(ones, probability(dropout), true));
  }
  Tensor mask = at::empty(shape, at::kBool);
  bool* kept = mask.data_ptr<bool>();
  const std::int64_t width = shape.back(), rows = width > 0 ? mask.numel() / width : 0;
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t column = 0; column < width; ++column)
      *kept++ = kernels::keeps(dropout, 0, row, column, width);
  return mask;
}

std::pair<Tensor, Tensor> drop(const kernels::Dropout& dropout, const Tensor& x) {
  if (dropout.threshold == 0) return {x, {}};
  if (x.is_cpu()) {
    const Tensor mask = dropout_mask(dropout, x.sizes(), x.device());
    return {masked(dropout, x, mask), mask};
  }
  const SeededGenerator seeded(dropout, x.device());
  auto [y, mask] = at::native_dropout(x, probability(dropout), true);
  return {y, mask};
}

Tensor masked(const kernels::Dropout& dropout, const Tensor& x, const Tensor& mask) {
  if (!mask.defined()) return x;
  return at::native_dropout_backward(x, mask, static_cast<double>(dropout.scale));
}

}  // namespace runner::model
